import { JobError } from "../../contract/errors.ts";
import { suggestion } from "../../contract/problems.ts";
import { escapeInvisible } from "./invisible.ts";
import { shown } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

/** Separators that spreadsheets and databases write in place of commas. */
const SEPARATORS: readonly (readonly [character: string, name: string])[] = [
  [";", "semicolons"],
  ["\t", "tabs"],
  ["|", "vertical bars"],
];
/** Problems that the message names: a file without header has as many as it has columns. */
const NAMED = 10;
/** Problems that the error's details list. */
const LISTED = 100;

/**
 * The columns that a CSV's first line names, in its order: exactly the target's, each once.
 * @throws JobError InvalidHeader with all that is wrong with it at once: nothing behind it could be judged without it
 */
export function readHeader(line: string, target: TargetTable, targetName: string): string[] {
  const known = target.columns.map((column) => column.name);
  const found = line === "" ? [] : line.split(",").map(unquoted);
  const separator = found.length < known.length ? separatorOf(line, known) : undefined;
  if (separator !== undefined)
    throw new JobError("InvalidHeader", {
      target: targetName,
      reason: `its columns are separated by ${separator}. Separate them by commas, in line 1 and in every row.`,
    });
  const unknown = found.filter((name) => !known.includes(name));
  const details = [
    ...unknown.slice(0, LISTED).map((name) => problem(shown(name), unknownName(name, known))),
    ...known.filter((name) => !found.includes(name)).map((name) => problem(name, "is missing.")),
    ...known
      .filter((name) => found.indexOf(name) !== found.lastIndexOf(name))
      .map((name) => problem(name, "is duplicated.")),
  ];
  if (details.length === 0) return found;
  const said = details.slice(0, NAMED).map(({ column, reason }) => `'${column}' ${reason}`);
  throw new JobError(
    "InvalidHeader",
    { target: targetName, reason: `${said.join(" ")} Line 1 must name ${known.join(",")} in any order.` },
    { details: details.slice(0, LISTED) },
  );
}

function unknownName(name: string, known: readonly string[]): string {
  const plain = name.replace(/\s/g, "").toLowerCase();
  if (escapeInvisible(name) !== name) return "is not a column: it has a character that cannot be seen. Remove it.";
  if (known.includes(plain))
    return plain === name.toLowerCase()
      ? `is not a column: names are in lower case. Write '${plain}'.`
      : `is not a column: it has a space. Write '${plain}'.`;
  return `is not a column.${suggestion(name, known)}`;
}

/** The separator by which a line names at least two columns of the target. */
function separatorOf(line: string, known: readonly string[]): string | undefined {
  const named = (character: string) =>
    line.split(character).filter((name) => known.includes(unquoted(name).toLowerCase())).length;
  return SEPARATORS.find(([character]) => named(character) >= 2)?.[1];
}

const problem = (column: string, reason: string) => ({ line: 1, column, value: null, reason });

/** A field's text, without spaces around it and without its quotes. */
function unquoted(field: string): string {
  let start = 0;
  let end = field.length;
  while (field[start] === " ") start++;
  while (end > start && field[end - 1] === " ") end--;
  const inQuotes = end - start > 1 && field[start] === '"' && field[end - 1] === '"';
  return (inQuotes ? field.slice(start + 1, end - 1) : field.slice(start, end)).replaceAll('""', '"');
}
