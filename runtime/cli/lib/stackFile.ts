import type { CapacityPlan } from "../../../infra/limits/capacity.ts";
import { listProblems, readStackFile, stacksIn } from "../../../stacks/config/parse.ts";
import type { StackConfig } from "../../../stacks/config/schema.ts";
import { planCapacity } from "../../../stacks/planning/capacity.ts";
import { suggestion } from "../../contract/problems.ts";
import { CLONE, requireClone } from "./clone.ts";
import { CommandError } from "./exits.ts";

/** Returns the names of the stacks that have a configuration file in the clone. */
export const stacksOf = (directory = CLONE): string[] => (directory === undefined ? [] : stacksIn(directory));

/**
 * Reads a stack's configuration from its file in the clone.
 * @throws CommandError with all problems
 */
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

/**
 * Plans a stack's capacity.
 * @throws CommandError with everything that exceeds its account's quotas
 */
export function plannedStack(stack: string, directory = requireClone()): { config: StackConfig; plan: CapacityPlan } {
  const config = stackFile(stack, directory);
  const { plan, problems } = planCapacity(config);
  if (plan) return { config, plan };
  throw new CommandError("invalid", `Pulumi.${stack}.yaml exceeds its account's quotas:\n${listProblems(problems)}`, {
    data: { type: "invalid", detail: "exceeds the account's quotas", problems },
  });
}
