import { CommanderError } from "commander";
import { CommandError, EXITS, type Exit, reasonOf } from "./lib/exits.ts";
import { fileReason } from "./lib/files.ts";
import { joinJsonFields } from "./lib/jsonFields.ts";
import { printJson, say } from "./lib/screen.ts";
import { createProgram } from "./program.ts";

/** The `rates` command, run. */
const exits: { last: Exit } = { last: "done" };
const program = createProgram((exit) => {
  exits.last = exit;
});

// `| head` has seen enough: that is no failure, and nobody reads what would follow. A full disk is one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  say(`rates: stdout cannot be written: ${fileReason(error)}.`);
  process.exit(EXITS.internalError.code);
});
// Messages that cannot be written are lost; what the command does is not.
process.stderr.on("error", () => undefined);

/** How the command ends with an error: what --json prints of it, and what people read (commander has said its own). */
function ending(error: unknown): { exit: Exit; data?: object; message?: string } {
  if (error instanceof CommanderError)
    return error.exitCode === 0
      ? { exit: "done" }
      : { exit: "invalid", data: { type: "invalid", detail: error.message } };
  if (error instanceof CommandError) return { exit: error.exit, data: error.data, message: error.message };
  const message = reasonOf(error);
  return { exit: "internalError", data: { type: "internalError", detail: message }, message: `rates: ${message}` };
}

try {
  await program.parseAsync(joinJsonFields(program, process.argv.slice(2)), { from: "user" });
} catch (error) {
  const { exit, data, message } = ending(error);
  exits.last = exit;
  // The options may be what could not be read.
  if (data && process.argv.some((word) => word === "--json" || word.startsWith("--json="))) printJson({ error: data });
  if (message !== undefined) say(message);
}
process.exitCode = EXITS[exits.last].code;
