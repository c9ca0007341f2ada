import type { Argument, Command, Option } from "commander";
import { FILES, type Shell } from "./completionScripts.ts";

/** Something that may stand where the cursor is. */
export interface Choice {
  value: string;
  about?: string;
}

/** Where values come from that no help names. Each is asked only where it is wanted. */
export interface Sources {
  stacks(): Choice[] | Promise<Choice[]>;
  queries(): Promise<Choice[]>;
  statements(): Promise<Choice[]>;
  /** Parameters of a query or statement, as `name=`. */
  params(named: string): Promise<Choice[]>;
  jobs(): Promise<Choice[]>;
}

/** What may stand where the cursor is, or names of files. */
export type Choices = Choice[] | typeof FILES;

/** The words of a line, as a shell splits it; the last is the one that the cursor stands in. Nothing is evaluated. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, single, double, escaped, space, other] of line.matchAll(
    /'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.)|(\s+)|(\\$|.)/gsu,
  )) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? other ?? "");
  }
  return [...words, word ?? ""];
}

/** What goes on behind `rates`, up to the cursor. */
export async function choicesFor(program: Command, words: readonly string[], sources: Sources): Promise<Choices> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(1, -1);
  const { command, operands, waiting } = read(program, before);
  const fitting = (choices: Choices) =>
    choices === FILES ? choices : choices.filter(({ value }) => value.startsWith(typed));
  if (waiting) return fitting(await valuesOf(waiting, before, operands, sources));
  const equals = /^(--[^=]+)=(.*)$/s.exec(typed);
  if (equals) {
    const [, long = ""] = equals;
    const option = optionsOf(command).find((one) => one.long === long);
    const choices = option?.required ? await valuesOf(option, before, operands, sources) : [];
    // What the shell would put in place of the whole word is only the file's part of it, which it cannot tell.
    if (choices === FILES) return [];
    return fitting(choices.map((one) => ({ ...one, value: `${long}=${one.value}` })));
  }
  if (typed.startsWith("-"))
    return fitting(optionsOf(command).map((one) => ({ value: one.long ?? "", about: one.description })));
  // `help` is no command of its own to commander.
  const helped = command === program && operands.length === 1 && operands[0] === "help";
  if (command.commands.length > 0 && (operands.length === 0 || helped)) return fitting(within(command));
  const taken = command.registeredArguments;
  const argument = taken[operands.length] ?? (taken.at(-1)?.variadic ? taken.at(-1) : undefined);
  return argument ? fitting(await argumentValues(argument, command, sources)) : [];
}

/** Where the words before the cursor have led: a command, its operands, an option that waits for its value. */
function read(program: Command, before: readonly string[]): { command: Command; operands: string[]; waiting?: Option } {
  let command = program;
  let operands: string[] = [];
  let waiting: Option | undefined;
  for (const word of before) {
    if (waiting) waiting = undefined;
    else if (word.startsWith("-")) waiting = optionsOf(command).find((one) => one.long === word && one.required);
    else {
      const next = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next) command = next;
      else operands = [...operands, word];
    }
  }
  return { command, operands, ...(waiting ? { waiting } : {}) };
}

/** A command's options and those of the whole. */
const optionsOf = (command: Command): Option[] => [
  ...command.options,
  ...(command.parent ? optionsOf(command.parent) : []),
];

/** What is asked of whom for the values of an option, by its placeholder or name. */
async function valuesOf(
  option: Option,
  before: readonly string[],
  operands: readonly string[],
  sources: Sources,
): Promise<Choices> {
  if (option.argChoices) return option.argChoices.map((value) => ({ value }));
  const name = option.attributeName();
  const fixed = FIXED[name];
  if (fixed) return fixed.map((value) => ({ value }));
  if (name === "stack") return sources.stacks();
  if (name === "query") return sources.queries();
  if (name === "statement") return sources.statements();
  if (name === "param") {
    const at = before.findLastIndex((word) => word === "--query" || word === "--statement");
    const named = at >= 0 ? before[at + 1] : operands[0];
    return named === undefined ? [] : sources.params(named);
  }
  return /file|dir/.test(option.flags) ? FILES : [];
}

/** Values that the platform judges, and so no parser names. */
const FIXED: Record<string, readonly string[] | undefined> = {
  format: ["csv", "ndjson", "json"],
  compression: ["none", "gzip"],
  mode: ["append", "replace"],
  reply: ["none", "queue"],
  target: ["prices", "ports", "regions"],
  priority: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
};

async function argumentValues(argument: Argument, command: Command, sources: Sources): Promise<Choices> {
  if (argument.argChoices) return argument.argChoices.map((value) => ({ value }));
  if (argument.name() === "file") return FILES;
  // Within a group of commands (tokens) an id or a name is one of theirs.
  if (command.parent?.parent) return [];
  if (argument.name() === "id") return sources.jobs();
  if (argument.name() === "name") return sources.queries();
  return [];
}

/** What a command may go on with, help included. */
const within = (command: Command): Choice[] => command.createHelp().visibleCommands(command).map(asChoice);
const asChoice = (command: Command): Choice => ({
  value: command.name(),
  about: firstSentence(command.description()),
});
const firstSentence = (text: string): string => text.split(/[:;.] |\.$/)[0] ?? "";

/**
 * Choices as lines for a shell. bash takes a word apart at = and :, and replaces the last piece only; zsh and fish show what each is.
 */
export function linesFor(shell: Shell, typed: string, choices: Choices): string[] {
  if (choices === FILES) return [FILES];
  const inOneLine = (text: string) => text.replace(/\s+/g, " ");
  return choices.map(({ value, about = "" }) => {
    if (shell === "bash") return value.slice(Math.max(typed.lastIndexOf("="), typed.lastIndexOf(":")) + 1);
    if (about === "") return shell === "zsh" ? value.replaceAll(":", "\\:") : value;
    return shell === "zsh" ? `${value.replaceAll(":", "\\:")}:${inOneLine(about)}` : `${value}\t${inOneLine(about)}`;
  });
}
