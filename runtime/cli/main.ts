import { Command, CommanderError } from "commander";
import { environmentCommand } from "./environmentCommand.ts";
import { CommandError, EXITS, type Exit, reasonOf } from "./exits.ts";
import { jobCommands } from "./jobCommands.ts";
import { operateCommands } from "./operateCommands.ts";
import { printJson, say } from "./screen.ts";
import { workCommands } from "./workCommands.ts";

/** The `rates` command. */
const program = new Command("rates")
  .description("Submits work to the rates platform, watches it and fetches what it brings.")
  .option("--stack <name>", "a deployed stack, as `pulumi stack output` knows it; with --token")
  .option("--api <url>", "the platform's API (RATES_API; else the platform on this machine)")
  .option("--token <token>", "the token to use (RATES_TOKEN)")
  .option("--data-dir <dir>", "the local platform's data directory (RATES_DATA_DIR, .local)")
  .option("--tenant <tenant>", "whose jobs, for an admin's token")
  .option("--json", "machine-readable output on stdout")
  .showSuggestionAfterError()
  .addHelpText(
    "after",
    `
Examples:
  rates query average_rates --param date_from=2021-01-01 --param date_to=2021-01-31 --param orig_code=AEJEA --param dest_code=ITSPE
  rates load prices.csv --target prices --mode replace
  rates submit request.json --watch
  rates list --status FAILED

Exit codes:
${Object.values(EXITS)
  .map(({ code, means }) => `${String(code).padStart(5)}  ${means}`)
  .join("\n")}`,
  );

const exits: { last: Exit } = { last: "done" };
const context = { program, end: (exit: Exit) => (exits.last = exit) };
workCommands(context);
jobCommands(context);
operateCommands(context);
environmentCommand(context);
for (const command of [program, ...program.commands]) command.exitOverride();

// `| head` has seen enough: that is no failure, and nobody reads what would follow.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

/** How the command ends with an error: what --json prints of it, and what people read (commander has said its own). */
function ending(error: unknown): { exit: Exit; data?: object; message?: string } {
  if (error instanceof CommanderError)
    return error.exitCode === 0
      ? { exit: "done" }
      : { exit: "invalid", data: { type: "invalid", detail: error.message } };
  if (error instanceof CommandError) return { exit: error.exit, data: error.data, message: error.message };
  const message = reasonOf(error);
  return { exit: "broke", data: { type: "broke", detail: message }, message: `rates: ${message}` };
}

try {
  await program.parseAsync();
} catch (error) {
  const { exit, data, message } = ending(error);
  exits.last = exit;
  // The options may be what could not be read.
  if (data && process.argv.includes("--json")) printJson({ error: data });
  if (message !== undefined) say(message);
}
process.exitCode = EXITS[exits.last].code;
