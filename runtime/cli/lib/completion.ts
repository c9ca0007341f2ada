import type { Argument, Command, Option } from "commander";
import { FILES, type Shell } from "./completionScripts.ts";

/** A completion of the word at the cursor. */
export interface Choice {
  value: string;
  about?: string;
  /** True if it matches the typed text without beginning with it, for example a place found by its name. */
  isFitting?: boolean;
}

/** Sources of values from the platform or the stack configuration. Each is called only when needed. */
export interface Sources {
  stacks(): Choice[] | Promise<Choice[]>;
  queries(): Promise<Choice[]>;
  statements(): Promise<Choice[]>;
  /** Parameters of a query or statement, as `name=`. */
  params(named: string): Promise<Choice[]>;
  /** Values of a parameter of a query or statement that fit the text typed so far: places, true and false. */
  paramValues(named: string, param: string, text: string): Promise<Choice[]>;
  /** Ports and regions that fit a text. */
  places(text: string): Promise<Choice[]>;
  jobs(): Promise<Choice[]>;
}

/** Completions of the word at the cursor, or file names. */
export type Choices = Choice[] | typeof FILES;

/** Splits a line into words like a shell, without evaluating anything; the last word is the one at the cursor. */
export const wordsOf = (line: string): string[] => split(line).words;

/**
 * Splits a line into words.
 * @returns the words; `broken`: offset in the last word after its last unquoted `=` or `:`, where bash splits words
 */
function split(line: string): { words: string[]; broken: number } {
  const words: string[] = [];
  let word: string | undefined;
  let broken = 0;
  for (const [, single, double, escaped, space, other] of line.matchAll(
    /'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.)|(\s+)|(\\$|.)/gsu,
  )) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      broken = 0;
    } else word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? other ?? "");
    if (word !== undefined && (other === "=" || other === ":")) broken = word.length;
  }
  return { words: [...words, word ?? ""], broken };
}

/**
 * Lists the choices at the cursor.
 * @param words of the line up to the cursor, `rates` included
 */
export async function choicesFor(program: Command, words: readonly string[], sources: Sources): Promise<Choices> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(1, -1);
  const { command, operands, waiting } = parseWords(program, before);
  const fitting = (choices: Choices) =>
    choices === FILES ? choices : choices.filter(({ value, isFitting }) => isFitting || value.startsWith(typed));
  if (waiting) return fitting(await valuesOf(waiting, { before, operands, typed }, sources));
  const equals = /^(--[^=]+)=(.*)$/s.exec(typed);
  if (equals) {
    const [, long = "", text = ""] = equals;
    const option = optionsOf(command).find((candidate) => candidate.long === long);
    const choices = option?.required ? await valuesOf(option, { before, operands, typed: text }, sources) : [];
    // The shell would complete the whole word `--option=…` as a file name.
    if (choices === FILES) return [];
    return fitting(choices.map((choice) => ({ ...choice, value: `${long}=${choice.value}` })));
  }
  if (typed.startsWith("-"))
    return fitting(optionsOf(command).map((option) => ({ value: option.long ?? "", about: option.description })));
  // commander does not list `help` as a command.
  const helped = command === program && operands.length === 1 && operands[0] === "help";
  if (command.commands.length > 0 && (operands.length === 0 || helped)) return fitting(subcommandChoices(command));
  const taken = command.registeredArguments;
  const argument = taken[operands.length] ?? (taken.at(-1)?.variadic ? taken.at(-1) : undefined);
  return argument ? fitting(await argumentValues(argument, command, typed, sources)) : [];
}

/** Finds the command, its operands, and an option that still needs its value, in the words before the cursor. */
function parseWords(
  program: Command,
  before: readonly string[],
): { command: Command; operands: string[]; waiting?: Option } {
  let command = program;
  let operands: string[] = [];
  let waiting: Option | undefined;
  for (const word of before) {
    if (waiting) waiting = undefined;
    else if (word.startsWith("-"))
      waiting = optionsOf(command).find((option) => option.long === word && option.required);
    else {
      const next =
        operands.length === 0 ? command.commands.find((subcommand) => subcommand.name() === word) : undefined;
      if (next) command = next;
      else operands = [...operands, word];
    }
  }
  return { command, operands, ...(waiting ? { waiting } : {}) };
}

/** Options of a command and of its parents. */
const optionsOf = (command: Command): Option[] => [
  ...command.options,
  ...(command.parent ? optionsOf(command.parent) : []),
];

/** Lists the values of an option, by its name or placeholder. */
async function valuesOf(
  option: Option,
  { before, operands, typed }: { before: readonly string[]; operands: readonly string[]; typed: string },
  sources: Sources,
): Promise<Choices> {
  if (option.argChoices) return option.argChoices.map((value) => ({ value }));
  const name = option.attributeName();
  const fixed = FIXED_VALUES[name];
  if (fixed) return fixed.map((value) => ({ value }));
  if (name === "stack") return sources.stacks();
  if (name === "query") return sources.queries();
  if (name === "statement") return sources.statements();
  if (name === "param") {
    const at = before.findLastIndex((word) => word === "--query" || word === "--statement");
    const named = at >= 0 ? before[at + 1] : operands[0];
    if (named === undefined) return [];
    const equals = typed.indexOf("=");
    if (equals < 0) return sources.params(named);
    const name = typed.slice(0, equals);
    const values = await sources.paramValues(named, name, typed.slice(equals + 1));
    return values.map((choice) => ({ ...choice, value: `${name}=${choice.value}` }));
  }
  return /file|dir/.test(option.flags) ? FILES : [];
}

/** Values of options without declared choices. */
const FIXED_VALUES: Record<string, readonly string[] | undefined> = {
  reply: ["none", "queue"],
  priority: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
};

async function argumentValues(argument: Argument, command: Command, typed: string, sources: Sources): Promise<Choices> {
  if (argument.argChoices) return argument.argChoices.map((value) => ({ value }));
  if (argument.name() === "file") return FILES;
  // In subcommands (`rates token revoke ID`), an id or name is not that of a job or query.
  if (command.parent?.parent) return [];
  if (argument.name() === "id") return sources.jobs();
  if (argument.name() === "name") return sources.queries();
  if (argument.name() === "place") return sources.places(typed);
  return [];
}

/** Subcommands of a command, help included. */
const subcommandChoices = (command: Command): Choice[] => command.createHelp().visibleCommands(command).map(asChoice);
const asChoice = (command: Command): Choice => ({
  value: command.name(),
  about: firstSentence(command.description()),
});
const firstSentence = (text: string): string => text.split(/[:;.] |\.$/)[0] ?? "";

/**
 * Formats choices as lines for a shell. bash replaces only the part of a word after an unquoted = or :; zsh and fish
 * also show a description.
 * @param line the line up to the cursor
 */
export function linesFor(shell: Shell, line: string, choices: Choices): string[] {
  if (choices === FILES) return [FILES];
  const inOneLine = (text: string) => text.replace(/\s+/g, " ");
  const { broken } = split(line);
  return choices.map(({ value, about = "" }) => {
    if (shell === "bash") return value.slice(broken);
    if (about === "") return shell === "zsh" ? value.replaceAll(":", "\\:") : value;
    return shell === "zsh" ? `${value.replaceAll(":", "\\:")}:${inOneLine(about)}` : `${value}\t${inOneLine(about)}`;
  });
}
