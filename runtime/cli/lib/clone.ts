import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { CommandError } from "./exits.ts";

/** Path of the running clone; undefined for the installed package, which has no stacks. */
export const CLONE: string | undefined = existsSync(join(ROOT, "Pulumi.yaml")) ? ROOT : undefined;

/**
 * Returns the path of the clone.
 * @param what option or command that needs it
 * @throws CommandError in the installed package
 */
export function requireClone(what = "--stack"): string {
  if (CLONE !== undefined) return CLONE;
  throw new CommandError(
    "invalid",
    `${what} needs a clone of the repository, and this is the installed package. Other commands take --api URL with --token, or --profile NAME.`,
  );
}
