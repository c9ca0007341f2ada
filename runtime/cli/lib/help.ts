import { type Command, Help } from "commander";
import { styled } from "./visible.ts";

/** Groups of the list of commands. */
export const GROUPS = {
  work: "Submit:",
  jobs: "Jobs:",
  platform: "Platform:",
  shell: "Shell:",
} as const;

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** Adds examples to a command's help: each is the line to type, and a comment (#) with its purpose. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  EXAMPLES.set(command, lines);
  const text = lines.flatMap(formatExample).join("\n");
  return command.addHelpText("after", ({ error }) => (error ? "" : `\nExamples:\n${text}`));
}

/** Maximum width of the help. Columns. */
const COLUMNS = 80;

/** Formats an example for the help; the comment is on its own line if one line would be too long. */
export function formatExample(example: string): string[] {
  const [run = "", does] = example.split(/ {2,8}(?=# )/);
  const lines = run.split("\n").map((line, index) => `${index === 0 ? "  " : "    "}${line}`);
  if (does === undefined) return lines;
  const beside = `${lines.at(-1)}   ${does}`;
  return lines.length === 1 && beside.length <= COLUMNS ? [beside] : [`  ${does}`, ...lines];
}

/** The examples that a command's help shows. */
export const examplesOf = (command: Command): readonly string[] => EXAMPLES.get(command) ?? [];

/** Returns all commands, including subcommands. */
export const commandsOf = (command: Command): Command[] =>
  command.commands.flatMap((subcommand) => [subcommand, ...commandsOf(subcommand)]);

/** Styles of the help; commander removes them without a terminal and with NO_COLOR. */
export const HELP_STYLE = {
  showGlobalOptions: true,
  styleTitle: (title: string) => styled("bold", title),
  styleCommandText: (text: string) => styled("cyan", text),
  styleSubcommandText: (text: string) => styled("cyan", text),
  subcommandTerm: (command: Command) => `${command.name()} ${argumentsOf(command)}`.trimEnd(),
};

/** Formats a command with its arguments for the list; options are shown in its own help. */
const argumentsOf = (command: Command): string => {
  const help = new Help();
  return (
    command.registeredArguments
      .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
      .join(" ") || (help.visibleCommands(command).length > 1 ? "<command>" : "")
  );
};
