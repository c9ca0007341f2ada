import type { CapacityPlan } from "../../infra/limits/capacity.ts";
import { ROOT } from "../../runtime/platform/root.ts";
import { listProblems, readStackFile } from "../config/parse.ts";
import type { StackConfig } from "../config/schema.ts";
import { planCapacity } from "./capacity.ts";

/** A stack that is part of the project. */
export interface ShippedStack {
  readonly stack: string;
  readonly config: StackConfig;
  readonly plan: CapacityPlan;
}

/**
 * Loads the shipped stacks from their files.
 *
 * @throws Error if a file is not valid, or a stack exceeds its account's quotas
 */
export const shippedStacks = (): ShippedStack[] => ["dev", "staging", "prod"].map((stack) => plannedStack(stack));

/**
 * Loads a stack from its file and plans its capacity.
 *
 * @throws Error if the file is missing or not valid, or the stack exceeds its account's quotas
 */
export function plannedStack(stack: string, directory = ROOT): ShippedStack {
  const config = readStackFile(stack, directory);
  const { plan, problems } = planCapacity(config);
  if (!plan) throw new Error(`Pulumi.${stack}.yaml exceeds the quotas:\n${listProblems(problems)}`);
  return { stack, config, plan };
}
