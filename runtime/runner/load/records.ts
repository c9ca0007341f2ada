import { isUtf8 } from "node:buffer";
import { escapeInvisible } from "../../contract/invisible.ts";
import { type Field, fieldsOf } from "../../contract/jsonFields.ts";
import { suggestion } from "../../contract/problems.ts";
import { MAX_RECORD_BYTES, NOT_UTF8, type RowProblem, reportText, type Sink, shownBytes } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const LF = 0x0a;
/** Items per yielded chunk. */
const ITEMS_PER_CHUNK = 2_000;
/**
 * Number of problems of a row after which further unknown fields are only counted. Also the maximum number of reported
 * duplicate names.
 */
const MAX_ROW_PROBLEMS = 8;

/** Converts inline items to rows for COPY, numbered from 1. */
export async function* inlineRecords(
  items: readonly unknown[],
  target: TargetTable,
  sink: Sink,
): AsyncGenerator<Buffer> {
  for (const [index, item] of items.entries()) {
    if (isObject(item)) addRecord(sink, item, undefined, index + 1, target);
    else sink.addBad([notAnObject(JSON.stringify(item) ?? "")], index + 1);
    if (sink.stopped) break;
    if (index % ITEMS_PER_CHUNK === ITEMS_PER_CHUNK - 1) yield sink.takeBytes();
  }
  yield sink.takeBytes();
}

/** Converts NDJSON to rows for COPY. Blank lines are skipped; lines count from 1. */
export async function* ndjsonRecords(
  source: AsyncIterable<Buffer>,
  target: TargetTable,
  sink: Sink,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  let isSkipping = false;
  const parseLine = (bytes: Buffer) => {
    if (!isSkipping) addLine(sink, bytes, line, target);
    isSkipping = false;
    line++;
  };
  for await (const chunk of source) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(LF, rest.length); end !== -1 && !sink.stopped; end = data.indexOf(LF, start)) {
      parseLine(data.subarray(start, end));
      start = end + 1;
    }
    if (data.length - start > MAX_RECORD_BYTES && !isSkipping) {
      sink.addBad([unterminatedLine(data.subarray(start))], line);
      isSkipping = true;
    }
    rest = isSkipping ? Buffer.alloc(0) : Buffer.from(data.subarray(start)); // a copy: the stream owns the chunk's memory
    yield sink.takeBytes();
    if (sink.stopped) return;
  }
  if (rest.length > 0) parseLine(rest);
  yield sink.takeBytes();
}

const BLANK = /^[ \t\r]*$/;

/** Adds the row of one line to the sink, or the line's problem. */
function addLine(sink: Sink, bytes: Buffer, line: number, target: TargetTable): void {
  const parsed = readLine(bytes);
  if (parsed === undefined) return;
  if ("reason" in parsed) sink.addBad([parsed], line);
  else addRecord(sink, parsed.item, fieldsOf(parsed.text), line, target);
}

/** Parses a line to its object or a problem; undefined if blank. */
function readLine(bytes: Buffer): { item: Record<string, unknown>; text: string } | RowProblem | undefined {
  if (bytes.length > MAX_RECORD_BYTES) return unterminatedLine(bytes);
  if (!isUtf8(bytes)) return { column: null, value: shownBytes(bytes, 0, bytes.length), reason: NOT_UTF8 };
  const text = bytes.toString();
  if (BLANK.test(text)) return undefined;
  try {
    const item: unknown = JSON.parse(text);
    return isObject(item) ? { item, text } : notAnObject(text);
  } catch (error) {
    return { column: null, value: reportText(trimJson(text)), reason: jsonProblem(trimJson(text), error) };
  }
}

/** Trims JSON's white space only, since other invisible characters must be shown. */
function trimJson(text: string): string {
  let start = 0;
  let end = text.length;
  while (WHITESPACE.includes(text.charAt(start)) && start < end) start++;
  while (end > start && WHITESPACE.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
const WHITESPACE = " \t\r";

/** Returns the reason for a line that is not JSON. */
function jsonProblem(text: string, error: unknown): string {
  const reason = "is not JSON: one object per line";
  if (/after JSON/.test((error as Error).message))
    return text.endsWith(",") ? `${reason}, without a comma after it` : `${reason}, and nothing after it`;
  if (escapeInvisible(text[0] ?? "") !== (text[0] ?? "")) return `${reason}, which begins with {`;
  if (COMMENTS.some((start) => text.startsWith(start))) return `${reason}, without comments`;
  if (text.startsWith("{'")) return `${reason}, with names and texts in double quotes`;
  const { message } = error as Error;
  if (NON_JSON_VALUES.some((start) => message.startsWith(start)))
    return `${reason}. NaN, Infinity, None, True and False are not JSON values`;
  return text.startsWith("{") && !text.endsWith("}") ? `${reason}; this one has no end` : reason;
}

const COMMENTS = ["//", "/*", "#", "--"];
/** Beginnings of V8's messages for values that JavaScript or Python write and that are not JSON. */
const NON_JSON_VALUES = [..."NITF"]
  .map((letter) => `Unexpected token '${letter}'`)
  .concat("No number after minus sign", "Unexpected token 'i'", "Unexpected token 'n'");

const unterminatedLine = (bytes: Buffer): RowProblem => ({
  column: null,
  value: shownBytes(bytes, 0, bytes.length),
  reason: `does not end within ${MAX_RECORD_BYTES} bytes`,
});

const notAnObject = (text: string): RowProblem => ({
  column: null,
  value: reportText(trimJson(text)),
  reason: "must be a JSON object",
});

const isObject = (item: unknown): item is Record<string, unknown> =>
  item !== null && typeof item === "object" && !Array.isArray(item);

/**
 * Adds a row given as an object to the sink: its values, and all problems of its form.
 * @param fields - The object's fields as written; undefined for an inline item, whose text was checked on acceptance.
 */
function addRecord(
  sink: Sink,
  row: Record<string, unknown>,
  fields: readonly Field[] | undefined,
  line: number,
  { columns }: TargetTable,
): void {
  const originalTexts = new Map(fields?.map(({ name, text }) => [name, text]));
  const textOf = (name: string) => {
    const value = row[name];
    return typeof value === "string" ? value : (originalTexts.get(name) ?? JSON.stringify(value) ?? "");
  };
  const problems: RowProblem[] = fields && fields.length > originalTexts.size ? duplicateNames(fields) : [];
  const missing: RowProblem[] = [];
  const values = columns.map(({ name, json, optional }) => {
    const value = row[name];
    if (value === undefined || value === null || value === "") {
      if (!optional) missing.push({ column: name, value: null, reason: MISSING });
      return null;
    }
    const reason = valueProblem(value, json);
    if (reason === undefined) return textOf(name);
    problems.push({ column: name, value: reportText(textOf(name)), reason });
    return null;
  });
  const known = columns.map((column) => column.name);
  let further = 0;
  for (const name of Object.keys(row)) {
    if (known.includes(name)) continue;
    if (problems.length >= MAX_ROW_PROBLEMS) further++;
    else
      problems.push({
        column: reportText(name),
        value: reportText(textOf(name)),
        reason: `is not a column.${suggestion(name, known)}`,
      });
  }
  if (further > 0)
    problems.push({ column: null, value: null, reason: `has ${further} more fields that are not columns` });
  // The database reports missing values only for rows without other problems, so they are added here.
  if (problems.length > 0) sink.addBad([...problems, ...missing], line, values);
  else sink.addValues(values, line);
}

/** Returns a problem for each name that is repeated in a row, at most MAX_ROW_PROBLEMS. */
function duplicateNames(fields: readonly Field[]): RowProblem[] {
  const seen = new Set<string>();
  const repeated = new Map<string, string>();
  for (const { name, text } of fields) {
    if (seen.has(name)) repeated.set(name, text);
    seen.add(name);
  }
  return [...repeated]
    .slice(0, MAX_ROW_PROBLEMS)
    .map(([name, text]) => ({ column: reportText(name), value: reportText(text), reason: "is given more than once" }));
}

/** Reason for a missing required value. */
export const MISSING = "is missing";

function valueProblem(value: unknown, json: "string" | "integer"): string | undefined {
  if (json === "integer") return typeof value === "number" ? undefined : "must be a JSON integer";
  if (typeof value !== "string") return "must be a JSON string";
  if (value.includes("\0")) return "contains a NUL character";
  return value.isWellFormed() ? undefined : "contains half a character (a lone surrogate)";
}
