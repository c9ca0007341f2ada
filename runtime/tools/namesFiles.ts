import { existsSync } from "node:fs";
import { join } from "node:path";

/** Options of mocha that are followed by words of titles. */
const TITLE_OPTIONS: ReadonlySet<string | undefined> = new Set(["--grep", "-g", "--fgrep", "-f"]);

/**
 * Returns true if arguments of mocha name a test file or a folder. Words after `--grep` do not count, even if a folder has
 * that name.
 *
 * @param root - Root of the repository.
 */
export const namesFiles = (root: string, args: readonly string[]): boolean =>
  args.some(
    (argument, index) =>
      !argument.startsWith("-") && !TITLE_OPTIONS.has(args[index - 1]) && existsSync(join(root, argument)),
  );
