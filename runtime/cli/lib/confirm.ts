import { createInterface } from "node:readline/promises";
import { CommandError } from "./exits.ts";
import { printInfo } from "./screen.ts";
import { visible } from "./visible.ts";

/**
 * Asks for confirmation of an action that is hard to undo. Without a terminal, --yes is required.
 * @param consequence what the action does, with numbers, for example "This cancels 12 jobs"
 * @throws CommandError for any answer except yes, or without --yes if there is no terminal
 */
export async function confirm(consequence: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CommandError("invalid", `${consequence}. Nothing was done. Give --yes to confirm without a terminal.`);
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  const declined = new AbortController();
  // Ctrl-C and Ctrl-D mean no.
  dialogue.on("SIGINT", () => declined.abort());
  dialogue.on("close", () => declined.abort());
  try {
    const answer = await dialogue.question(visible(`${consequence}. Continue? [y/N] `), { signal: declined.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    if (!declined.signal.aborted) throw error;
    printInfo();
  } finally {
    dialogue.close();
  }
  throw new CommandError("interrupted", "Nothing was done.");
}
