import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { CommandError } from "./exits.ts";

/** Path of the clone that this command runs from; undefined for the installed package, which has no stacks. */
export const CLONE: string | undefined = existsSync(join(ROOT, "Pulumi.yaml")) ? ROOT : undefined;

/**
 * Returns the path of the clone.
 * @param feature option or command that needs the clone, for the error message
 * @throws CommandError in the installed package
 */
export function requireClone(feature = "--stack"): string {
  if (CLONE !== undefined) return CLONE;
  throw new CommandError(
    "invalid",
    `${feature} needs a clone of the repository, but this is the installed package. Other commands accept --api URL with --token, or --profile NAME.`,
  );
}
