import type { StackConfig } from "./schema.ts";

/** One thing that is wrong with a stack's configuration. */
export interface ConfigProblem {
  /** The path of the field, without the project's prefix, as `database.instanceClass`; `stack` for the stack's name. */
  key: string;
  /** What was found there; undefined for what is missing. */
  value?: unknown;
  /** The limit, by how much it is missed where that is a number, and what to change. */
  message: string;
}

/** A check of fields that the schema cannot make. */
export interface ConfigCheck {
  /** Paths of all fields that it reads, `*` for any index: it is skipped where one of them is invalid. */
  readonly reads: readonly string[];
  problemsOf(config: StackConfig, stack: string): ConfigProblem[];
}

/**
 * Runs the checks that read valid fields only, so that one problem neither hides others nor causes further ones.
 * @param invalid paths of invalid fields, as `network.zones.0`
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

/** Whether one path is the other, or leads to it. */
export function overlaps(path: string, key: string): boolean {
  const names = key.split(".");
  return path
    .split(".")
    .slice(0, names.length)
    .every((name, index) => name === "*" || name === names[index]);
}
