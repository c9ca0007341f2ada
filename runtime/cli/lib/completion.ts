import type { Argument, Command, Option } from "commander";
import { FILES, type Shell } from "./completionScripts.ts";

/** A completion of the word at the cursor. */
export interface Choice {
  value: string;
  description?: string;
  /** True if the value matches the typed text in another way than as a prefix, for example a place by its name. */
  isMatch?: boolean;
}

/** Sources of values from the platform or the stack configuration. Each is called only when needed. */
export interface Sources {
  stacks(): Choice[] | Promise<Choice[]>;
  queries(): Promise<Choice[]>;
  statements(): Promise<Choice[]>;
  /** Parameters of a query or statement, as `name=`. */
  params(queryName: string): Promise<Choice[]>;
  /** Values of a query's or statement's parameter that match the text typed so far: places, or true and false. */
  paramValues(queryName: string, param: string, text: string): Promise<Choice[]>;
  /** Ports and regions that match a text. */
  places(text: string): Promise<Choice[]>;
  jobs(): Promise<Choice[]>;
}

/** An option and its value in one word, `--option=value`. */
const OPTION_WITH_VALUE = /^(--[^=]+)=(.*)$/s;

/** Completions of the word at the cursor; FILES for file names. */
export type Choices = Choice[] | typeof FILES;

/** Splits a line into words like a shell, without evaluating anything; the last word is the one at the cursor. */
export const wordsOf = (line: string): string[] => split(line).words;

/**
 * Splits a line into words.
 * @returns the words; `breakOffset` is the offset after the last word's last unquoted `=` or `:`, where bash splits it
 */
function split(line: string): { words: string[]; breakOffset: number } {
  const words: string[] = [];
  let word: string | undefined;
  let breakOffset = 0;
  for (const [, single, double, escaped, space, other] of line.matchAll(
    /'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.)|(\s+)|(\\$|.)/gsu,
  )) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      breakOffset = 0;
    } else word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? other ?? "");
    if (word !== undefined && (other === "=" || other === ":")) breakOffset = word.length;
  }
  return { words: [...words, word ?? ""], breakOffset };
}

/**
 * Lists the choices at the cursor.
 * @param words all words of the line up to the cursor, including `rates`
 */
export async function choicesFor(program: Command, words: readonly string[], sources: Sources): Promise<Choices> {
  const typed = words.at(-1) ?? "";
  const { command, operands, values, pendingOption } = parseWords(program, words);
  const matching = (choices: Choices) =>
    choices === FILES ? choices : choices.filter(({ value, isMatch }) => isMatch || value.startsWith(typed));
  if (pendingOption) return matching(await optionValues(pendingOption, { values, operands, typed }, sources));
  const equals = OPTION_WITH_VALUE.exec(typed);
  if (equals) {
    const [, long = "", text = ""] = equals;
    const option = optionsOf(command).find((candidate) => candidate.long === long);
    const choices = option?.required ? await optionValues(option, { values, operands, typed: text }, sources) : [];
    // The shell would complete the whole word `--option=…` as a file name.
    if (choices === FILES) return [];
    return matching(choices.map((choice) => ({ ...choice, value: `${long}=${choice.value}` })));
  }
  if (typed.startsWith("-"))
    return matching(
      optionsOf(command).map((option) => ({ value: option.long ?? "", description: option.description })),
    );
  // commander does not list `help` as a command.
  const isHelpArgument = command === program && operands.length === 1 && operands[0] === "help";
  if (command.commands.length > 0 && (operands.length === 0 || isHelpArgument))
    return matching(subcommandChoices(command));
  const declaredArguments = command.registeredArguments;
  const argument =
    declaredArguments[operands.length] ?? (declaredArguments.at(-1)?.variadic ? declaredArguments.at(-1) : undefined);
  return argument ? matching(await argumentValues(argument, command, typed, sources)) : [];
}

/** Values of options by attribute name (`dataDir` for `--data-dir`). */
export type OptionValues = Readonly<Record<string, string>>;

/**
 * Finds the command, its operands, the values of options (the last if one is repeated), and an option that still needs
 * its value, in the words before the cursor.
 * @param words all words of the line up to the cursor, including `rates`
 */
export function parseWords(
  program: Command,
  words: readonly string[],
): { command: Command; operands: string[]; values: OptionValues; pendingOption?: Option } {
  let command = program;
  let operands: string[] = [];
  let pendingOption: Option | undefined;
  const values: Record<string, string> = {};
  for (const word of words.slice(1, -1)) {
    if (pendingOption) {
      values[pendingOption.attributeName()] = word;
      pendingOption = undefined;
    } else if (word.startsWith("-")) {
      const [, long = word, value] = OPTION_WITH_VALUE.exec(word) ?? [];
      const option = optionsOf(command).find((candidate) => candidate.long === long && candidate.required);
      if (value === undefined) pendingOption = option;
      else if (option) values[option.attributeName()] = value;
    } else {
      const next =
        operands.length === 0 ? command.commands.find((subcommand) => subcommand.name() === word) : undefined;
      if (next) command = next;
      else operands = [...operands, word];
    }
  }
  return { command, operands, values, ...(pendingOption ? { pendingOption } : {}) };
}

/** Options of a command and of its parents. */
const optionsOf = (command: Command): Option[] => [
  ...command.options,
  ...(command.parent ? optionsOf(command.parent) : []),
];

/** Lists the values of an option, according to its choices, name or placeholder. */
async function optionValues(
  option: Option,
  { values, operands, typed }: { values: OptionValues; operands: readonly string[]; typed: string },
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
    const queryName = values.query ?? values.statement ?? operands[0];
    if (queryName === undefined) return [];
    const equals = typed.indexOf("=");
    if (equals < 0) return sources.params(queryName);
    const param = typed.slice(0, equals);
    const choices = await sources.paramValues(queryName, param, typed.slice(equals + 1));
    return choices.map((choice) => ({ ...choice, value: `${param}=${choice.value}` }));
  }
  const placeholder = option.flags.split(/[<[]/)[1] ?? "";
  return /file|dir/.test(placeholder) ? FILES : [];
}

/** Values of options without declared choices. */
const FIXED_VALUES: Record<string, readonly string[] | undefined> = {
  reply: ["none", "queue"],
  priority: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
};

async function argumentValues(argument: Argument, command: Command, typed: string, sources: Sources): Promise<Choices> {
  if (argument.argChoices) return argument.argChoices.map((value) => ({ value }));
  if (argument.name() === "file") return FILES;
  // In subcommands (`rates token revoke ID`), `id` and `name` do not stand for jobs and queries.
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
  description: firstSentence(command.description()),
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
  const { breakOffset } = split(line);
  return choices.map(({ value, description = "" }) => {
    if (shell === "bash") return value.slice(breakOffset);
    if (description === "") return shell === "zsh" ? value.replaceAll(":", "\\:") : value;
    return shell === "zsh"
      ? `${value.replaceAll(":", "\\:")}:${inOneLine(description)}`
      : `${value}\t${inOneLine(description)}`;
  });
}
