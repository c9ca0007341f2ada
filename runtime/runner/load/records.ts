import { isUtf8 } from "node:buffer";
import { suggestion } from "../../jobs/problems.ts";
import { MAX_RECORD_BYTES } from "./csv.ts";
import { type RowProblem, Sink, shown } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const LF = 0x0a;
/** Rows handed on at once. */
const BATCH = 2_000;

/** Items of a request, as COPY wants them. They count from 1. */
export async function* inlineRecords(items: readonly unknown[], target: TargetTable): AsyncGenerator<Buffer> {
  const sink = new Sink(target.columns.length, 64 * 1024);
  for (const [index, item] of items.entries()) {
    put(sink, item, index + 1, target);
    if (index % BATCH === BATCH - 1) yield sink.take();
  }
  yield sink.take();
}

/** One JSON object a line, as COPY wants it. Blank lines are passed over; lines count from 1. */
export async function* ndjsonRecords(source: AsyncIterable<Buffer>, target: TargetTable): AsyncGenerator<Buffer> {
  const sink = new Sink(target.columns.length, 128 * 1024);
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  const one = (record: Buffer) => {
    line++;
    if (!isUtf8(record)) {
      sink.bad([{ column: null, value: shown(record.toString("utf8", 0, 400)), reason: "is not valid UTF-8" }], line);
      return;
    }
    const text = record.toString().trim();
    if (text === "") return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      sink.bad([{ column: null, value: shown(text), reason: "is not JSON: one object a line" }], line);
      return;
    }
    put(sink, value, line, target);
  };
  for await (const chunk of source) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(LF); end !== -1; end = data.indexOf(LF, start)) {
      one(data.subarray(start, end));
      start = end + 1;
    }
    rest = Buffer.from(data.subarray(start));
    if (rest.length > MAX_RECORD_BYTES) {
      sink.bad(
        [
          {
            column: null,
            value: shown(rest.toString("utf8", 0, 400)),
            reason: `the line does not end within ${MAX_RECORD_BYTES} bytes`,
          },
        ],
        line + 1,
      );
      yield sink.take();
      return;
    }
    yield sink.take();
  }
  if (rest.length > 0) one(rest);
  yield sink.take();
}

/** Puts a row given as an object into the sink: its values, or everything that is wrong with its form. */
function put(sink: Sink, item: unknown, line: number, target: TargetTable): void {
  if (item === null || typeof item !== "object" || Array.isArray(item)) {
    sink.bad([{ column: null, value: shown(item), reason: "has to be a JSON object" }], line);
    return;
  }
  const row = item as Record<string, unknown>;
  const problems: RowProblem[] = [];
  const values = target.columns.map(({ name, json }) => {
    const value = row[name];
    if (value === undefined || value === null) return null;
    const reason = unusable(value, json);
    if (reason) problems.push({ column: name, value: shown(value), reason });
    return String(value);
  });
  const known = target.columns.map((column) => column.name);
  for (const name of Object.keys(row))
    if (!known.includes(name))
      problems.push({
        column: shown(name),
        value: shown(row[name]),
        reason: `is not a column.${suggestion(name, known)}`,
      });
  if (problems.length > 0) sink.bad(problems, line);
  else sink.values(values, line);
}

function unusable(value: unknown, json: "string" | "integer"): string | undefined {
  if (json === "integer") return Number.isInteger(value) ? undefined : "has to be a JSON integer";
  if (typeof value !== "string") return "has to be a JSON string";
  if (value.includes("\0")) return "holds a NUL character";
  return value.isWellFormed() ? undefined : "holds half a character (a lone surrogate)";
}
