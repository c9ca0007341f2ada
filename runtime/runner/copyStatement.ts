import { JobError } from "../contract/errors.ts";
import type { Format } from "./output.ts";

/** Maximum number of duplicated names that an error lists. */
const LISTED_NAMES = 10;

/**
 * Requires columns that the format can represent.
 * @throws JobError InvalidSql if there are no columns, or if two columns of a JSON result have the same name
 */
export function requireColumns(names: readonly string[], format: Format): void {
  if (names.length === 0)
    throw new JobError("InvalidSql", { reason: "the result has no columns. Select at least one." });
  if (format !== "csv") rejectDuplicates(names, format);
}

/**
 * Builds the COPY statement that streams the result of one SELECT.
 * @param names - Columns of the result, for CSV only.
 * @param sql - A single statement; `read` verifies this before the COPY runs.
 */
export const copyStatement = (names: readonly string[], sql: string, format: Format): string =>
  format === "csv" ? csvStatement(sql, names) : jsonStatement(sql, format);

/**
 * Writes a NULL in the only column as an empty value in quotes, since CSV readers skip a blank line. `format` writes
 * every other value as COPY does, which a cast to text does not (booleans, char(n)).
 */
function csvStatement(sql: string, names: readonly string[]): string {
  const [only = ""] = names;
  const rows =
    names.length > 1
      ? sql
      : `select format('%s', ${quoteName(only)}) as ${quoteName(only)} from (${sql}\n) only_column`;
  return `copy (${rows}\n) to stdout (format csv, header true)`;
}

/**
 * Writes JSON in COPY's csv format with a quote and a delimiter that JSON text cannot contain; COPY's text format would
 * double every backslash. A `json` value keeps the line breaks of its input, which can only be outside of JSON strings;
 * they are replaced with spaces. In a JSON array, each row begins with a comma.
 */
function jsonStatement(sql: string, format: "ndjson" | "json"): string {
  const row = unusedName(sql);
  const text = `replace(replace(row_to_json(${row})::text, e'\\n', ' '), e'\\r', ' ')`;
  return `copy (select ${format === "json" ? `',' || ${text}` : text} from (${sql}\n) ${row}) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')`;
}

/**
 * Returns an alias for the rows. It must not occur in the statement, since `row_to_json(alias)` would use a column of
 * that name. The same statement always gets the same alias, so that the server's statistics count its executions
 * together.
 */
function unusedName(sql: string): string {
  const used = new Set(Array.from(sql.matchAll(/row_(\d+)/gi), ([, number]) => Number(number)));
  let number = 0;
  while (used.has(number)) number++;
  return `row_${number}`;
}

const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function rejectDuplicates(names: readonly string[], format: Format): void {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const name of names) (seen.has(name) ? duplicates : seen).add(name);
  if (duplicates.size === 0) return;
  const listed = [...duplicates].slice(0, LISTED_NAMES).map((name) => `'${name}'`);
  const further = duplicates.size > LISTED_NAMES ? ` and ${duplicates.size - LISTED_NAMES} more` : "";
  throw new JobError("InvalidSql", {
    reason: `several columns have the same name: ${listed.join(", ")}${further}. Give each its own name with AS, or ask for csv instead of ${format}.`,
  });
}
