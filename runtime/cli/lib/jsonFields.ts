import { type Command, CommanderError } from "commander";
import { suggestion } from "../../contract/problems.ts";
import { CommandError } from "./exits.ts";
import { print, printInfo, printJson } from "./screen.ts";

/** Selectable fields of a command's records, with functions that read them. */
export type Fields<T> = Readonly<Record<string, (record: T) => unknown>>;

/** Values of `--json`: EVERYTHING selects all fields, HELP lists them. */
const EVERYTHING = "*";
const HELP = "help";

/** Field names by command, for example "list" for `rates list`. */
const FIELDS_BY_COMMAND = new Map<string, readonly string[]>();

const commandWords = (command: Command): string =>
  command.parent?.parent ? `${commandWords(command.parent)} ${command.name()}` : command.name();

/** Declares the fields that `--json FIELDS` selects. `--json help` and the command's help list them. */
export function jsonFields<T>(command: Command, fields: Fields<T>): Command {
  const names = Object.keys(fields);
  FIELDS_BY_COMMAND.set(commandWords(command), names);
  // Before the command is parsed, so that its arguments are not required.
  command.parent?.hook("preSubcommand", (_parent, subcommand) => {
    if (subcommand !== command || command.optsWithGlobals<{ json?: string | true }>().json !== HELP) return;
    print(names.join("\n"));
    throw new CommanderError(0, "rates.fields", "");
  });
  return command.addHelpText("after", ({ error }) =>
    error ? "" : `\nFields of --json FIELDS (all without FIELDS):\n${wrappedList(names)}`,
  );
}

/**
 * Prints records as JSON: the fields in the order of `--json FIELDS`, or everything without FIELDS.
 * @param complete value that `--json` without FIELDS prints
 * @throws CommandError for an unknown field
 */
export async function printRecords<T>(
  command: Command,
  fields: Fields<T>,
  records: readonly T[] | T,
  complete: unknown,
): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: string | true }>();
  if (json === true || json === EVERYTHING || json === undefined) {
    printJson(complete);
    // As with gh, a terminal also gets the list of fields; a pipe gets JSON only.
    if (process.stdout.isTTY && process.stderr.isTTY)
      printInfo(`\n\`--json FIELDS\` selects fields (comma-separated):\n${wrappedList(Object.keys(fields))}`);
    return;
  }
  const names = namesOf(json, Object.keys(fields));
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

/**
 * Returns the selected names.
 * @throws CommandError for an unknown field
 */
function namesOf(text: string, known: readonly string[]): string[] {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return [...new Set(names)];
  if (wrong === "") throw new CommandError("invalid", `--json: a field's name is empty. Fields: ${known.join(", ")}.`);
  const hint = suggestion(wrong, known);
  throw new CommandError(
    "invalid",
    `--json: '${wrong}' is not a field.${hint.startsWith(" Did") ? hint : ""} Fields: ${known.join(", ")}.`,
  );
}

/**
 * Refuses `--json FIELDS` with unknown fields, or for a command without fields, before the command runs.
 * @throws CommandError
 */
export function checkJson(command: Command): void {
  const { json } = command.optsWithGlobals<{ json?: string | true }>();
  if (json === undefined || json === true || json === EVERYTHING) return;
  const known = FIELDS_BY_COMMAND.get(commandWords(command));
  if (known === undefined)
    throw new CommandError(
      "invalid",
      `--json ${json}: this command does not support FIELDS. Omit '${json}'; ${[...FIELDS_BY_COMMAND.keys()].map((words) => `\`rates ${words}\``).join(", ")} support FIELDS.`,
    );
  namesOf(json, known);
}

/**
 * Joins `--json` and its list of fields into one argument. Any other word after `--json` stays a separate argument.
 * For example, `id,state` in `--json id,state` is a list of fields, but `nightly-load` in `--json nightly-load` and
 * `list` in `--json list` are not.
 */
export function joinJsonFields(program: Command, argv: readonly string[]): string[] {
  const joined: string[] = [];
  const end = argv.indexOf("--");
  const { commandIndexes, ...command } = commandIn(program, argv);
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word !== "--json" || (end >= 0 && index > end)) {
      joined.push(word);
      continue;
    }
    const next = argv[index + 1] ?? "";
    const isList = !commandIndexes.has(index + 1) && isListText(next) && isFieldList(command, next);
    joined.push(`--json=${isList ? next : EVERYTHING}`);
    if (isList) index++;
  }
  return joined;
}

/** Returns true for a name or a comma-separated list of names. */
function isListText(text: string): boolean {
  return /^[A-Za-z]+$/.test(text) || (/^[A-Za-z, ]+$/.test(text) && text.includes(","));
}

function isFieldList({ words, takesArgument }: { words: string; takesArgument: boolean }, text: string): boolean {
  const known = FIELDS_BY_COMMAND.get(words);
  if (known === undefined) return false;
  if (text === HELP || text.split(",").every((name) => known.includes(name))) return true;
  // A text with a comma, or after a command without arguments, must be a list with a misspelled field. It is reported.
  return text.includes(",") || !takesArgument;
}

/** Finds the command that a line names, and the indexes of the words that name it. */
function commandIn(
  program: Command,
  argv: readonly string[],
): { words: string; takesArgument: boolean; commandIndexes: ReadonlySet<number> } {
  let command = program;
  const commandIndexes = new Set<number>();
  for (const [index, word] of argv.entries()) {
    const subcommand = command.commands.find((candidate) => candidate.name() === word);
    if (subcommand === undefined) continue;
    command = subcommand;
    commandIndexes.add(index);
  }
  return {
    commandIndexes,
    words: command === program ? "" : commandWords(command),
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
