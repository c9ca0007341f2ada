import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { CommandError } from "./exits.ts";

/** Path of the clone that this command runs from; undefined for the installed package, which has no stacks. */
export const CLONE: string | undefined = existsSync(join(ROOT, "Pulumi.yaml")) ? ROOT : undefined;

/**
 * Returns the path of the clone.
 * @param command the command that needs the clone, for the error message; by default, the option --stack needs it
 * @throws CommandError in the installed package
 */
export function requireClone(command?: string): string {
  if (CLONE !== undefined) return CLONE;
  throw new CommandError(
    "invalid",
    `${command ?? "--stack"} needs a clone of the repository, but this is the installed package.${command ? "" : " To call the API, use --api URL with --token, or --profile NAME, instead."}`,
  );
}
