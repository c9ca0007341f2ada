import { CommanderError } from "commander";
import { reasonOf } from "../contract/reason.ts";
import { CommandError, EXITS, type Exit } from "./lib/exits.ts";
import { fileReason } from "./lib/files.ts";
import { joinJsonFields } from "./lib/jsonFields.ts";
import { printInfo, printJson } from "./lib/screen.ts";
import { createProgram } from "./program.ts";

/** Runs the `rates` command. */

/** The exit that the command last set; an error replaces it. */
const exits: { last: Exit } = { last: "done" };
const program = createProgram((exit) => {
  exits.last = exit;
});

// A closed pipe (`| head`) ends the command without an error; a full disk is an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  printInfo(`rates: stdout cannot be written: ${fileReason(error)}.`);
  process.exit(EXITS.internalError.code);
});
// Messages that cannot be written are dropped; the command continues.
process.stderr.on("error", () => undefined);

/** Returns the exit, --json output and message for an error. Commander has already printed its own messages. */
function outcomeOf(error: unknown): { exit: Exit; data?: object; message?: string } {
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
  const { exit, data, message } = outcomeOf(error);
  exits.last = exit;
  // The error may precede the parsing of options, so search for --json in the arguments.
  if (data && process.argv.some((word) => word === "--json" || word.startsWith("--json="))) printJson({ error: data });
  if (message !== undefined) printInfo(message);
}
process.exitCode = EXITS[exits.last].code;
// On Ctrl-C, this process receives SIGINT from the terminal and again from the launcher. While Node closes its event
// loop, it has no signal handlers, so the second SIGINT would kill the process. `process.exit` skips that phase.
if (exits.last === "interrupted") process.exit();
