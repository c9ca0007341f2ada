import { Command } from "commander";
import { capacityCommand } from "./capacityCommand.ts";
import { completionCommand } from "./completionCommand.ts";
import { connectCommand } from "./connectCommand.ts";
import type { CliContext } from "./context.ts";
import { doctorCommand } from "./doctorCommand.ts";
import { environmentCommand } from "./environmentCommand.ts";
import { EXITS } from "./exits.ts";
import { commandsOf, examples, GROUPS, HELP_STYLE } from "./help.ts";
import { jobCommands } from "./jobCommands.ts";
import { operateCommands } from "./operateCommands.ts";
import { print, say } from "./screen.ts";
import { tailCommand } from "./tailCommand.ts";
import { tokenCommands } from "./tokenCommands.ts";
import { topCommand } from "./topCommand.ts";
import { workCommands } from "./workCommands.ts";

const EXIT_CODES = Object.values(EXITS)
  .map(({ code, means }) => `${String(code).padStart(5)}  ${means}`)
  .join("\n");

/** The `rates` command with everything that it can do. */
export function createProgram(end: CliContext["end"]): Command {
  const program = new Command("rates")
    .description("Submits work to the rates platform, watches it and fetches what it brings.")
    .option("--stack <name>", "a deployed stack, as `pulumi stack output` knows it; with --token")
    .option("--api <url>", "the platform's API (RATES_API; else the platform on this machine)")
    .option("--token <token>", "the token to use (RATES_TOKEN)")
    .option("--data-dir <dir>", "the local platform's data directory (RATES_DATA_DIR, .local)")
    .option("--tenant <tenant>", "whose jobs, for an admin's token")
    .option("--json", "machine-readable output on stdout")
    .configureHelp(HELP_STYLE)
    // What was typed may have been copied: messages and help go through the same layer as everything else.
    .configureOutput({
      writeOut: (text) => print(text),
      writeErr: (text) => say(text.replace(/\n$/, "")),
    })
    .showSuggestionAfterError()
    .showHelpAfterError("`rates --help` lists the commands, `rates COMMAND --help` shows one with examples.");
  examples(
    program,
    "rates query price_export --format csv > coverage.csv",
    "rates load prices.csv --target prices --mode replace",
    "rates submit request.json --watch",
    "rates list --status FAILED",
  );
  program.addHelpText("after", ({ error }) => (error ? "" : `\nExit codes:\n${EXIT_CODES}`));
  const context = { program, end };
  workCommands(context);
  jobCommands(context);
  tailCommand(context);
  program.commandsGroup(GROUPS.platform);
  topCommand(context);
  capacityCommand(context);
  doctorCommand(context);
  connectCommand(context);
  operateCommands(context);
  tokenCommands(context);
  program.commandsGroup(GROUPS.shell);
  environmentCommand(context);
  completionCommand(context);
  program.helpCommand("help [command]", "Show how a command is used, with examples");
  for (const command of [program, ...commandsOf(program)]) command.exitOverride();
  return program;
}
