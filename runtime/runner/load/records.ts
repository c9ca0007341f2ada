import { isUtf8 } from "node:buffer";
import { suggestion } from "../../jobs/problems.ts";
import { MAX_RECORD_BYTES, type RowProblem, type Sink, shown, shownBytes } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const LF = 0x0a;
/** Items handed on at once. */
const ITEMS = 2_000;

/** Items of a request, as COPY wants them. They count from 1. */
export async function* inlineRecords(
  items: readonly unknown[],
  target: TargetTable,
  sink: Sink,
): AsyncGenerator<Buffer> {
  for (const [index, item] of items.entries()) {
    put(sink, item, index + 1, target);
    if (index % ITEMS === ITEMS - 1) yield sink.take();
  }
  yield sink.take();
}

/** One JSON object a line, as COPY wants it. Blank lines are passed over; lines count from 1. */
export async function* ndjsonRecords(
  source: AsyncIterable<Buffer>,
  target: TargetTable,
  sink: Sink,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  let skipping = false;
  const one = (bytes: Buffer) => {
    const read = skipping ? undefined : parsed(bytes);
    skipping = false;
    if (read && "reason" in read) sink.bad([{ column: null, ...read }], line);
    else if (read) put(sink, read.item, line, target);
    line++;
  };
  for await (const chunk of source) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(LF, rest.length); end !== -1; end = data.indexOf(LF, start)) {
      one(data.subarray(start, end));
      start = end + 1;
    }
    if (data.length - start > MAX_RECORD_BYTES && !skipping) {
      sink.bad([{ column: null, ...endless(data.subarray(start)) }], line);
      skipping = true;
    }
    rest = skipping ? Buffer.alloc(0) : Buffer.from(data.subarray(start)); // a copy: the chunk's memory is the stream's
    yield sink.take();
  }
  if (rest.length > 0) one(rest);
  yield sink.take();
}

/** A line's item, or why it is none; undefined: the line is blank. */
function parsed(bytes: Buffer): { item: unknown } | { value: string; reason: string } | undefined {
  if (bytes.length > MAX_RECORD_BYTES) return endless(bytes);
  if (!isUtf8(bytes)) return { value: shownBytes(bytes, 0, bytes.length), reason: "is not valid UTF-8" };
  const text = bytes.toString().trim(); // takes the byte order mark away, too
  if (text === "") return undefined;
  try {
    return { item: JSON.parse(text) };
  } catch {
    return { value: shown(text), reason: "is not JSON: one object a line" };
  }
}

const endless = (bytes: Buffer) => ({
  value: shownBytes(bytes, 0, bytes.length),
  reason: `does not end within ${MAX_RECORD_BYTES} bytes`,
});

/** Puts a row given as an object into the sink: its values, and everything that is wrong with its form. */
function put(sink: Sink, item: unknown, line: number, { columns }: TargetTable): void {
  if (item === null || typeof item !== "object" || Array.isArray(item)) {
    sink.bad([{ column: null, value: shown(item), reason: "has to be a JSON object" }], line);
    return;
  }
  const row = item as Record<string, unknown>;
  const problems: RowProblem[] = [];
  const missing: RowProblem[] = [];
  const values = columns.map(({ name, json, optional }) => {
    const value = row[name];
    if (value === undefined || value === null || value === "") {
      if (!optional) missing.push({ column: name, value: null, reason: MISSING });
      return null;
    }
    const reason = unusable(value, json);
    if (reason === undefined) return String(value);
    problems.push({ column: name, value: shown(value), reason });
    return null;
  });
  const known = columns.map((column) => column.name);
  for (const name of Object.keys(row))
    if (!known.includes(name))
      problems.push({
        column: shown(name),
        value: shown(row[name]),
        reason: `is not a column.${suggestion(name, known)}`,
      });
  // What is merely missing the database reports; of a row that it must not take, all that it cannot see is told here.
  if (problems.length > 0) sink.bad([...problems, ...missing], line, values);
  else sink.values(values, line);
}

/** Why a column that has to have a value cannot be used without. */
export const MISSING = "is missing";

function unusable(value: unknown, json: "string" | "integer"): string | undefined {
  if (json === "integer") return Number.isInteger(value) ? undefined : "has to be a JSON integer";
  if (typeof value !== "string") return "has to be a JSON string";
  if (value.includes("\0")) return "holds a NUL character";
  return value.isWellFormed() ? undefined : "holds half a character (a lone surrogate)";
}
