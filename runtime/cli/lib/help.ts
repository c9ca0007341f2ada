import { type Command, Help } from "commander";
import { styled } from "./visible.ts";

/** Headings in the list of commands. */
export const GROUPS = {
  work: "Submit:",
  jobs: "Jobs:",
  platform: "Platform:",
  shell: "Shell:",
} as const;

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** Adds examples to a command's help: each is a line to type, optionally with a comment (#). */
export function examples(command: Command, ...lines: readonly string[]): Command {
  EXAMPLES.set(command, lines);
  const text = lines.flatMap(formatExample).join("\n");
  return command.addHelpText("after", ({ error }) => (error ? "" : `\nExamples:\n${text}`));
}

/** Maximum width of the help, in columns. */
const COLUMNS = 80;

/** Formats an example for the help. The comment precedes an example that has several lines or would become too long. */
export function formatExample(example: string): string[] {
  const [line = "", comment] = example.split(/ {2,8}(?=# )/);
  const lines = line.split("\n").map((part, index) => `${index === 0 ? "  " : "    "}${part}`);
  if (comment === undefined) return lines;
  const joined = `${lines.at(-1)}   ${comment}`;
  return lines.length === 1 && joined.length <= COLUMNS ? [joined] : [`  ${comment}`, ...lines];
}

/** Returns the examples in a command's help. */
export const examplesOf = (command: Command): readonly string[] => EXAMPLES.get(command) ?? [];

/** Returns all commands, including subcommands. */
export const commandsOf = (command: Command): Command[] =>
  command.commands.flatMap((subcommand) => [subcommand, ...commandsOf(subcommand)]);

/** Configuration of the help. commander removes the styles without a terminal and with NO_COLOR. */
export const HELP_STYLE = {
  showGlobalOptions: true,
  styleTitle: (title: string) => styled("bold", title),
  styleCommandText: (text: string) => styled("cyan", text),
  styleSubcommandText: (text: string) => styled("cyan", text),
  subcommandTerm: (command: Command) => `${command.name()} ${argumentsOf(command)}`.trimEnd(),
};

/** Formats a command's arguments for the list of commands, which does not show options. */
const argumentsOf = (command: Command): string => {
  const help = new Help();
  return (
    command.registeredArguments
      .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
      .join(" ") || (help.visibleCommands(command).length > 1 ? "<command>" : "")
  );
};
