import { createInterface } from "node:readline/promises";
import { CommandError } from "./exits.ts";
import { printInfo } from "./screen.ts";
import { visible } from "./visible.ts";

/**
 * Asks before an action that is hard to undo. Without a terminal, --yes is required.
 * @param what the consequence with its number, as in "This cancels 12 jobs"
 * @throws CommandError for any answer but yes, or without a terminal and --yes
 */
export async function confirm(what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CommandError("invalid", `${what}. Nothing was done. Give --yes to confirm without a terminal.`);
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  // Ctrl-C and Ctrl-D answer no.
  dialogue.on("SIGINT", () => left.abort());
  dialogue.on("close", () => left.abort());
  try {
    const answer = await dialogue.question(visible(`${what}. Continue? [y/N] `), { signal: left.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    if (!left.signal.aborted) throw error;
    printInfo();
  } finally {
    dialogue.close();
  }
  throw new CommandError("interrupted", "Nothing was done.");
}
