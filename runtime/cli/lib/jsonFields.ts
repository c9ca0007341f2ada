import type { Command } from "commander";
import { suggestion } from "../../contract/problems.ts";
import { CommandError } from "./exits.ts";
import { print, printInfo, printJson } from "./screen.ts";

/** Selectable fields of a command's records, with functions that read them. */
export type Fields<T> = Readonly<Record<string, (record: T) => unknown>>;

/** Field names by command, as its words: for `rates list`, "list". */
const FIELDS_OF = new Map<string, readonly string[]>();

const wordsOf = (command: Command): string =>
  command.parent?.parent ? `${wordsOf(command.parent)} ${command.name()}` : command.name();

/** Declares the fields that `--json FIELDS` selects, and lists them in the command's help. */
export function jsonFields<T>(command: Command, fields: Fields<T>): Command {
  const names = Object.keys(fields);
  FIELDS_OF.set(wordsOf(command), names);
  return command.addHelpText("after", ({ error }) =>
    error ? "" : `\nFields of --json FIELDS (all without FIELDS):\n${wrappedList(names)}`,
  );
}

/** Values of `--json` for all fields, and for the list of fields. */
const EVERYTHING = "*";
const HELP = "help";

/**
 * Prints records as JSON: those fields that `--json FIELDS` names, in its order, or everything.
 * @param whole what `--json` alone prints
 * @throws CommandError for an unknown field
 */
export async function printRecords<T>(
  command: Command,
  fields: Fields<T>,
  records: readonly T[] | T,
  whole: unknown,
): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: string | true }>();
  if (json === true || json === EVERYTHING || json === undefined) {
    printJson(whole);
    // Like gh, a terminal gets the list of fields; a pipe gets JSON only.
    if (process.stdout.isTTY && process.stderr.isTTY)
      printInfo(`\n\`--json FIELDS\` selects fields (comma-separated):\n${wrappedList(Object.keys(fields))}`);
    return;
  }
  const names = namesOf(json, Object.keys(fields));
  if (names === undefined) return print(Object.keys(fields).join("\n"));
  const select = async (record: T) => {
    const selected: [string, unknown][] = [];
    for (const name of names) selected.push([name, (await fields[name]?.(record)) ?? null]);
    return Object.fromEntries(selected);
  };
  if (!Array.isArray(records)) return printJson(await select(records as T));
  const list: object[] = [];
  for (const record of records as readonly T[]) list.push(await select(record));
  printJson(list);
}

/** Returns the selected names; undefined if the list of fields is requested. */
function namesOf(text: string, known: readonly string[]): string[] | undefined {
  if (text === HELP) return undefined;
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return [...new Set(names)];
  if (wrong === "") throw new CommandError("invalid", `--json: a field's name is empty. Fields: ${known.join(", ")}.`);
  const near = suggestion(wrong, known);
  throw new CommandError(
    "invalid",
    `--json: '${wrong}' is not a field.${near.startsWith(" Did") ? near : ""} Fields: ${known.join(", ")}.`,
  );
}

/**
 * Refuses `--json FIELDS` with unknown fields, or for a command without fields, before it runs.
 * @throws CommandError
 */
export function checkJson(command: Command): void {
  const { json } = command.optsWithGlobals<{ json?: string | true }>();
  if (json === undefined || json === true || json === EVERYTHING) return;
  const known = FIELDS_OF.get(wordsOf(command));
  if (known === undefined)
    throw new CommandError(
      "invalid",
      `--json ${json}: this command does not support FIELDS. Omit '${json}'; ${[...FIELDS_OF.keys()].map((words) => `\`rates ${words}\``).join(", ")} take FIELDS.`,
    );
  namesOf(json, known);
}

/**
 * Joins `--json` and its list of fields to one argument, so that another word after `--json` stays an argument: in
 * `--json id,state` the word is a list of fields, in `--json nightly-load` and `--json list` it is not.
 */
export function joinJsonFields(program: Command, argv: readonly string[]): string[] {
  const joined: string[] = [];
  const end = argv.indexOf("--");
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word !== "--json" || (end >= 0 && index > end)) {
      joined.push(word);
      continue;
    }
    const next = argv[index + 1] ?? "";
    const isList = isListText(next) && isFields(commandIn(program, argv), next);
    joined.push(`--json=${isList ? next : EVERYTHING}`);
    if (isList) index++;
  }
  return joined;
}

/** Returns true for a name or a comma-separated list of names. */
function isListText(text: string): boolean {
  return /^[A-Za-z]+$/.test(text) || (/^[A-Za-z, ]+$/.test(text) && text.includes(","));
}

function isFields({ words, takesArgument }: { words: string; takesArgument: boolean }, text: string): boolean {
  const known = FIELDS_OF.get(words);
  if (known === undefined) return false;
  if (text === HELP || text.split(",").every((name) => known.includes(name))) return true;
  // Without an argument, or with a comma, it can only be a misspelt field, which is reported.
  return text.includes(",") || !takesArgument;
}

/** Finds the command that a line names. */
function commandIn(program: Command, argv: readonly string[]): { words: string; takesArgument: boolean } {
  let command = program;
  for (const word of argv) command = command.commands.find((candidate) => candidate.name() === word) ?? command;
  return {
    words: command === program ? "" : wordsOf(command),
    takesArgument: command === program || command.registeredArguments.length > 0,
  };
}

const wrappedList = (names: readonly string[]): string => {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length < 74) lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(`  ${name}`);
  }
  return lines.join(",\n");
};
