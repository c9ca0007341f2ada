import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const RETENTION_MS = 7 * 24 * 60 * 60 * 1000;

/** Removes the logs of runs that ended more than a week ago. */
export function pruneLogs(directory: string): void {
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (name.startsWith("runner-") && statSync(file).mtimeMs < Date.now() - RETENTION_MS) rmSync(file, { force: true });
  }
}
