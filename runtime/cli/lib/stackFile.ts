import { readdirSync } from "node:fs";
import type { CapacityPlan } from "../../../infra/limits/capacity.ts";
import { listProblems, readStackFile } from "../../../stacks/config/parse.ts";
import type { StackConfig } from "../../../stacks/config/schema.ts";
import { planCapacity } from "../../../stacks/planning/capacity.ts";
import { suggestion } from "../../contract/problems.ts";
import { CLONE, requireClone } from "./clone.ts";
import { CommandError } from "./exits.ts";

/** The stacks that have a file in the clone. */
export const stacksOf = (directory = CLONE): string[] =>
  directory === undefined ? [] : readdirSync(directory).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);

/** A stack's configuration, as its file in the clone has it. @throws CommandError with everything that is wrong */
export function stackFile(stack: string, directory = requireClone()): StackConfig {
  const stacks = stacksOf(directory);
  if (!stacks.includes(stack))
    throw new CommandError(
      "invalid",
      `There is no stack '${stack}' (no Pulumi.${stack}.yaml).${suggestion(stack, stacks)}`,
    );
  try {
    return readStackFile(stack, directory);
  } catch (error) {
    throw new CommandError("invalid", (error as Error).message);
  }
}

/** A stack and what fits its account. @throws CommandError with everything that does not fit */
export function plannedStack(stack: string, directory = requireClone()): { config: StackConfig; plan: CapacityPlan } {
  const config = stackFile(stack, directory);
  const { plan, problems } = planCapacity(config);
  if (plan) return { config, plan };
  throw new CommandError(
    "invalid",
    `Pulumi.${stack}.yaml asks for more than its account gives:\n${listProblems(problems)}`,
    { data: { type: "invalid", detail: "does not fit", problems } },
  );
}
