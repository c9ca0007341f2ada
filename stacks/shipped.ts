import { fileURLToPath } from "node:url";
import { planCapacity } from "./capacity.ts";
import type { CapacityPlan } from "./capacityPlan.ts";
import { listProblems, readStackFile } from "./config.ts";
import type { StackConfig } from "./schema.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A stack that ships with the project. */
export interface Shipped {
  readonly stack: string;
  readonly config: StackConfig;
  readonly plan: CapacityPlan;
}

/** The stacks that ship, by their files. @throws where one of them asks for more than its account has */
export const shippedStacks = (): Shipped[] =>
  ["dev", "staging", "prod"].map((stack) => {
    const config = readStackFile(stack, ROOT);
    const { plan, problems } = planCapacity(config);
    if (!plan) throw new Error(`Pulumi.${stack}.yaml asks for too much:\n${listProblems(problems)}`);
    return { stack, config, plan };
  });
