import type { StackConfig } from "./schema.ts";

/** A problem of a stack's configuration. */
export interface ConfigProblem {
  /**
   * Path of the field, without the project's prefix, for example `database.instanceClass`; `stack` for the stack's
   * name; or the name of a key of Pulumi or of an environment variable.
   */
  key: string;
  /** Value of the field; undefined if it is missing. */
  value?: unknown;
  /** Limit, excess (for numbers) and remedy. */
  message: string;
}

/** A check of rules that the schema cannot express. */
export interface ConfigCheck {
  /** Paths of all fields that the check reads, `*` for any index. The check is skipped if one of them is invalid. */
  readonly reads: readonly string[];
  /** Returns the problems of a configuration; none if it passes. */
  problemsOf(config: StackConfig, stack: string): ConfigProblem[];
}

/**
 * Runs the checks whose fields are all valid, so that an invalid field causes no further problems.
 * @param invalid - Paths of invalid fields, for example `network.zones.0`.
 */
export function runChecks(
  checks: readonly ConfigCheck[],
  config: StackConfig,
  stack: string,
  invalid: readonly string[],
): ConfigProblem[] {
  return checks
    .filter(({ reads }) => !reads.some((path) => invalid.some((key) => overlaps(path, key))))
    .flatMap((check) => check.problemsOf(config, stack));
}

/** Returns true if two paths are equal, or one contains the other's field; `*` in `path` matches any name. */
export function overlaps(path: string, key: string): boolean {
  const names = key.split(".");
  return path
    .split(".")
    .slice(0, names.length)
    .every((name, index) => name === "*" || name === names[index]);
}
