import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Text to replace in a module when Node.js loads it, to disable a defence or change a value without a setting in
 * production code.
 */
export interface SourceChange {
  /** The module, relative to this directory. */
  readonly file: string;
  /** Text that occurs exactly once in the module. */
  readonly from: string;
  readonly to: string;
}

/** Environment variable with the changes for a process and its children, as JSON. */
export const CHANGES_ENV = "RATES_ATTACK_CHANGES";

/** Returns the URL of the module to change. */
export const moduleUrl = ({ file }: SourceChange): string => new URL(file, import.meta.url).href;

/**
 * Applies a change to a module's text.
 * @throws Error unless the text to replace occurs exactly once
 */
export function applyChange(text: string, { file, from, to }: SourceChange): string {
  const pieces = text.split(from);
  if (pieces.length !== 2)
    throw new Error(`${file} contains '${from}' ${pieces.length - 1} times; it must contain it once`);
  return pieces.join(to);
}

/**
 * Returns environment variables that make Node.js apply the changes in a process and in its children.
 * @throws Error if a module does not contain the text of its change exactly once
 */
export function environmentWith(changes: readonly SourceChange[]): Record<string, string> {
  if (changes.length === 0) return {};
  for (const change of changes) applyChange(readFileSync(fileURLToPath(moduleUrl(change)), "utf8"), change);
  return {
    NODE_OPTIONS: `--import=${new URL("applyChanges.ts", import.meta.url).href}`,
    [CHANGES_ENV]: JSON.stringify(changes),
  };
}
