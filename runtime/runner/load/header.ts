import { JobError } from "../../contract/errors.ts";
import { escapeInvisible } from "../../contract/invisible.ts";
import { suggestion } from "../../contract/problems.ts";
import { reportText } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

/** Separators that programs write in place of commas. */
const SEPARATORS: readonly (readonly [character: string, name: string])[] = [
  [";", "semicolons"],
  ["\t", "tabs"],
  ["|", "vertical bars"],
  [":", "colons"],
  ["^", "carets"],
  ["~", "tildes"],
  ["\x01", "control characters (\\u0001)"],
  ["\x1f", "control characters (\\u001F)"],
  ["\uFF0C", "fullwidth commas"],
  [" ", "spaces"],
];
/** Maximum number of problems in the message: a file without a header has one problem per column. */
const MAX_NAMED_COLUMNS = 10;
/** Maximum number of problems in the error's details. */
const MAX_LISTED = 100;

/**
 * Returns the columns that a CSV's header names, in its order: exactly those of the target, each once.
 * @param text - The header; undefined if the file has no record.
 * @param line - Number of the header's line; blank lines may come before it.
 * @throws JobError InvalidHeader with all problems of the header: rows cannot be checked without a valid header
 */
export function readHeader(text: string | undefined, target: TargetTable, targetName: string, line = 1): string[] {
  const known = target.columns.map((column) => column.name);
  const refusal = (reason: string, details: object[] = []) =>
    new JobError("InvalidHeader", { target: targetName, reason }, { details });
  const requirement = `Line ${line} must name ${known.join(",")} in any order.`;
  if (text === undefined) throw refusal(`the file is empty. ${requirement}`);
  if (/^"?sep=/i.test(text))
    throw refusal(
      `line ${line} (${reportText(text)}) is meant for a spreadsheet program. Remove it, and separate by commas.`,
    );
  const names = text.split(",").map(unquote);
  const separator = names.length < known.length ? separatorOf(text, known) : undefined;
  if (separator !== undefined)
    throw refusal(
      `its columns are separated by ${separator}. Separate them by commas, in line ${line} and in every row.`,
    );
  const unknown = names.filter((name) => !known.includes(name));
  const problem = (column: string, reason: string) => ({ line, column, value: null, reason });
  const details = [
    ...unknown.slice(0, MAX_LISTED).map((name) => problem(reportText(name), unknownName(name, known))),
    ...known.filter((name) => !names.includes(name)).map((name) => problem(name, "is missing.")),
    ...known
      .filter((name) => names.indexOf(name) !== names.lastIndexOf(name))
      .map((name) => problem(name, "is duplicated.")),
  ];
  if (details.length === 0) return names;
  if (names.every((name) => nearestOf(name, known) === undefined))
    throw refusal(
      `line ${line} (${reportText(text)}) names no column; the header may be missing. ${requirement}`,
      details.slice(0, MAX_LISTED),
    );
  const problemTexts = details.slice(0, MAX_NAMED_COLUMNS).map(({ column, reason }) => `'${column}' ${reason}`);
  throw refusal(`${problemTexts.join(" ")} ${requirement}`, details.slice(0, MAX_LISTED));
}

/** Finds the column that a name means, ignoring case, separators, quotes and a table name before it. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const letters = (text: string) =>
    text
      .normalize("NFKC")
      .toLowerCase()
      .replace(/[^a-z]/g, "");
  const plain = letters(name.slice(name.lastIndexOf(".") + 1));
  return known.find((column) => letters(column) === plain);
}

function unknownName(name: string, known: readonly string[]): string {
  if (name === "")
    return "is not a name: a comma begins or ends the line, or two follow one another. Remove it there and in every row.";
  const plain = name.replace(/\s/g, "").toLowerCase();
  if (escapeInvisible(name) !== name) return "is not a column: it has a character that cannot be seen. Remove it.";
  if (known.includes(plain))
    return plain === name.toLowerCase()
      ? `is not a column: names are in lower case. Write '${plain}'.`
      : `is not a column: it has a space. Write '${plain}'.`;
  const nearest = nearestOf(name, known);
  return nearest === undefined ? `is not a column.${suggestion(name, known)}` : `is not a column. Write '${nearest}'.`;
}

/** Returns the name of the separator, except spaces, that splits a record into this number of fields, or undefined. */
export function otherSeparator(record: string, fields: number): string | undefined {
  return SEPARATORS.find(([character]) => character !== " " && record.split(character).length === fields)?.[1];
}

/** Returns the name of the separator that splits a line into at least two names of the target's columns, or undefined. */
function separatorOf(line: string, known: readonly string[]): string | undefined {
  const namedColumns = (character: string) =>
    line.split(character).filter((name) => known.includes(unquote(name).toLowerCase())).length;
  return SEPARATORS.find(([character]) => namedColumns(character) >= 2)?.[1];
}

/** Returns a field's text without surrounding spaces and quotes. */
function unquote(field: string): string {
  let start = 0;
  let end = field.length;
  while (field[start] === " ") start++;
  while (end > start && field[end - 1] === " ") end--;
  const inQuotes = end - start > 1 && field[start] === '"' && field[end - 1] === '"';
  return (inQuotes ? field.slice(start + 1, end - 1) : field.slice(start, end)).replaceAll('""', '"');
}
