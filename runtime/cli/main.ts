import { Command, CommanderError, Option } from "commander";
import { CommandError, EXITS, type Exit } from "./exits.ts";
import { jobCommands } from "./jobCommands.ts";
import { say } from "./screen.ts";
import { workCommands } from "./workCommands.ts";

/** The `rates` command. */
const program = new Command("rates")
  .description("Submits work to the rates platform, watches it and fetches what it brings.")
  .option("--api <url>", "the platform's API (RATES_API; else the platform on this machine)")
  .option("--token <token>", "the token to use (RATES_TOKEN)")
  .option("--data-dir <dir>", "the local platform's data directory (RATES_DATA_DIR, .local)")
  .addOption(new Option("--json", "machine-readable output on stdout"))
  .showSuggestionAfterError()
  .exitOverride()
  .configureOutput({ outputError: (text) => process.stderr.write(text) })
  .addHelpText(
    "after",
    `
Examples:
  rates query average_rates --param date_from=2021-01-01 --param date_to=2021-01-31 --param orig_code=CNGGZ --param dest_code=EETLL
  rates load prices.csv --target prices --mode replace
  rates submit request.json --watch
  rates list --status FAILED

Exit codes:
${Object.values(EXITS)
  .map(({ code, means }) => `  ${code}  ${means}`)
  .join("\n")}`,
  );

const exits: { last: Exit } = { last: "done" };
const context = { program, end: (exit: Exit) => (exits.last = exit) };
workCommands(context);
jobCommands(context);
// Options of the whole may stand anywhere, as in `rates list --json`.
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
  process.exitCode = EXITS[exits.last].code;
} catch (error) {
  process.exitCode = EXITS.invalid.code;
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXITS.invalid.code;
  else if (error instanceof CommandError) {
    if (program.opts().json)
      process.stdout.write(`${JSON.stringify({ error: error.data ?? error.message }, null, 2)}\n`);
    say(error.message);
    process.exitCode = EXITS[error.exit].code;
  } else throw error;
}
