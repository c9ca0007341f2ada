import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { auditCommand } from "./commands/audit.ts";
import { capacityCommand } from "./commands/capacity.ts";
import { completionCommand } from "./commands/completion.ts";
import { connectCommand } from "./commands/connect.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { deadLetterCommands } from "./commands/deadLetters.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { environmentCommand } from "./commands/environment.ts";
import { jobCommands } from "./commands/jobs.ts";
import { loginCommands } from "./commands/login.ts";
import { placesCommand } from "./commands/places.ts";
import { rejectedCommands } from "./commands/rejected.ts";
import { submitCommands } from "./commands/submit.ts";
import { tailCommand } from "./commands/tail.ts";
import { tokenCommands } from "./commands/tokens.ts";
import { topCommand } from "./commands/top.ts";
import { usageCommand } from "./commands/usage.ts";
import { viewCommands } from "./commands/views.ts";
import type { CliContext } from "./lib/context.ts";
import { EXITS } from "./lib/exits.ts";
import { commandsOf, examples, GROUPS, HELP_STYLE } from "./lib/help.ts";
import { checkJson } from "./lib/jsonFields.ts";
import { print, printInfo } from "./lib/screen.ts";

const EXIT_CODES = Object.values(EXITS)
  .map(({ code, meaning }) => `${String(code).padStart(5)}  ${meaning}`)
  .join("\n");

const { version: VERSION } = manifest;

/**
 * Creates the `rates` command with all its subcommands.
 * @param end sets the exit code
 */
export function createProgram(end: CliContext["end"]): Command {
  const program = new Command("rates")
    .description("Submits jobs to the rates platform, follows them and fetches their results.")
    .option("--stack <name>", "a deployed stack, by its Pulumi name; requires a token")
    .option("--api <url>", "URL of the API (RATES_API; default: the current profile's, else this machine's)")
    .option("--token <token>", "API token (RATES_TOKEN)")
    .option("--data-dir <dir>", "the local platform's data directory (RATES_DATA_DIR; default .local)")
    .option("--profile <name>", "a profile created by `rates login` (RATES_PROFILE)")
    .option("--tenant <tenant>", "tenant of the jobs, for an admin's token")
    .option("--json [fields]", "JSON on stdout; some commands can select fields, which their help lists")
    .version(`rates ${VERSION}`, "-V, --version", "print the version")
    .configureHelp(HELP_STYLE)
    // Error messages quote arguments, which may be pasted text, so messages are escaped like all other output.
    .configureOutput({
      writeOut: (text) => print(text),
      writeErr: (text) => printInfo(text.replace(/\n$/, "")),
    })
    .hook("preAction", (_program, command) => checkJson(command))
    .showSuggestionAfterError()
    .showHelpAfterError("`rates --help` lists the commands, `rates COMMAND --help` shows one with examples.");
  examples(
    program,
    "rates query price_export --output prices.csv.gz",
    "rates load prices.csv --target prices --mode replace",
    "rates submit request.json --watch",
    "rates list --status failed --since 2h",
    "rates show @last  # the newest job; a prefix of an id works too",
  );
  program.addHelpText("after", ({ error }) => (error ? "" : `\nExit codes:\n${EXIT_CODES}`));
  const context = { program, end };
  submitCommands(context);
  jobCommands(context);
  tailCommand(context);
  viewCommands(context);
  program.commandsGroup(GROUPS.platform);
  topCommand(context);
  dashboardCommand(context);
  loginCommands(context);
  auditCommand(context);
  usageCommand(context);
  placesCommand(context);
  capacityCommand(context);
  doctorCommand(context);
  connectCommand(context);
  rejectedCommands(context);
  deadLetterCommands(context);
  tokenCommands(context);
  program.commandsGroup(GROUPS.shell);
  environmentCommand(context);
  completionCommand(context);
  program.helpCommand("help [command]", "Show the usage of a command, with examples");
  for (const command of [program, ...commandsOf(program)]) command.exitOverride();
  return program;
}
