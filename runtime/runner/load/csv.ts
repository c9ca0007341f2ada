import { isUtf8 } from "node:buffer";
import { JobError } from "../../jobs/errors.ts";
import { suggestion } from "../../jobs/problems.ts";
import { Sink, shown } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** A record longer than this is taken for a quote that was left open. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/**
 * Reads CSV (RFC 4180; quotes toggle as they do in Postgres' COPY) and yields it as COPY wants it, with line numbers.
 * Good records pass as the bytes they are: the scanner only finds their ends, counts their fields and proves their
 * encoding. The header is line 1, names every column of the target, in any order; lines end in LF, CRLF or CR; blank
 * lines are passed over; a record is reported at the line where it begins.
 * @param onHeader is told the columns in the order of the file, before the first yield
 * @throws JobError InvalidHeader
 */
export async function* csvRecords(
  source: AsyncIterable<Buffer>,
  target: TargetTable,
  name: string,
  onHeader: (columns: string[]) => void,
): AsyncGenerator<Buffer> {
  const scanner = new Scanner(target, name, onHeader);
  for await (const chunk of source) {
    const out = scanner.push(chunk, false);
    if (out.length > 0) yield out;
    if (scanner.broken) return;
  }
  const out = scanner.push(Buffer.alloc(0), true);
  if (out.length > 0) yield out;
}

class Scanner {
  readonly #target: TargetTable;
  readonly #name: string;
  readonly #onHeader: (columns: string[]) => void;
  readonly #sink: Sink;
  #columns = 0;
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  /** Nothing behind this point can be read as records. */
  broken = false;

  constructor(target: TargetTable, name: string, onHeader: (columns: string[]) => void) {
    this.#target = target;
    this.#name = name;
    this.#onHeader = onHeader;
    this.#sink = new Sink(target.columns.length, 128 * 1024);
  }

  push(chunk: Buffer, last: boolean): Buffer {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // One look at all whole lines proves what nearly always holds; only where it does not, each record is looked at.
    const proven = data.lastIndexOf(LF) + 1;
    const clean = isUtf8(data.subarray(0, proven)) && data.subarray(0, proven).indexOf(0) === -1;
    const size = data.length;
    let start = 0;
    let at = 0;
    let fields = 1;
    let quoted = false;
    let newlines = 0;
    while (at < size) {
      const byte = data[at];
      if (quoted) {
        if (byte === QUOTE) quoted = false;
        else if (byte === LF) newlines++;
      } else if (byte === COMMA) fields++;
      else if (byte === QUOTE) quoted = true;
      else if (byte === LF || byte === CR) {
        if (byte === CR && at + 1 === size && !last) break; // its LF may follow
        this.#record(data, start, at, fields, clean && at <= proven);
        if (byte === CR && data[at + 1] === LF) at++;
        this.#line += newlines + 1;
        start = at + 1;
        fields = 1;
        newlines = 0;
      }
      at++;
    }
    if (last) {
      if (quoted) this.#unreadable(data, start, "a quote is left open");
      else if (start < size) this.#record(data, start, size, fields, false);
      if (this.#columns === 0 && !this.broken) this.#header("");
    } else {
      // A copy: the chunk's memory is the stream's.
      this.#rest = Buffer.from(data.subarray(start));
      if (this.#rest.length > MAX_RECORD_BYTES)
        this.#unreadable(
          data,
          start,
          `the record does not end within ${MAX_RECORD_BYTES} bytes; is a quote left open?`,
        );
    }
    return this.#sink.take();
  }

  #record(data: Buffer, start: number, end: number, fields: number, clean: boolean): void {
    if (start === end) return;
    if (this.#columns === 0) return this.#header(data.toString("utf8", start, end));
    const reason = clean ? undefined : encoding(data.subarray(start, end));
    if (reason)
      this.#sink.bad(
        [{ column: null, value: shown(data.toString("utf8", start, Math.min(end, start + 400))), reason }],
        this.#line,
      );
    else if (fields !== this.#columns)
      this.#sink.bad(
        [
          {
            column: null,
            value: shown(data.toString("utf8", start, Math.min(end, start + 400))),
            reason: `has ${fields} fields instead of ${this.#columns}`,
          },
        ],
        this.#line,
      );
    else this.#sink.raw(data, start, end, this.#line);
  }

  #unreadable(data: Buffer, start: number, reason: string): void {
    this.broken = true;
    if (this.#columns === 0) throw new JobError("InvalidHeader", { target: this.#name, reason });
    this.#sink.bad([{ column: null, value: shown(data.toString("utf8", start, start + 400)), reason }], this.#line);
  }

  /** All that is wrong with the header at once: nothing behind it could be judged without it. */
  #header(text: string): void {
    const known = this.#target.columns.map((column) => column.name);
    const names = text
      .replace(/^\uFEFF/, "")
      .split(",")
      .map((field) =>
        field
          .trim()
          .replace(/^"(.*)"$/s, "$1")
          .replaceAll('""', '"'),
      );
    const found = text === "" ? [] : names;
    const problems = [
      ...found
        .filter((name) => !known.includes(name))
        .map((name) => `'${shown(name)}' is not a column.${suggestion(name, known)}`),
      ...known.filter((name) => !found.includes(name)).map((name) => `'${name}' is missing.`),
      ...known
        .filter((name) => found.filter((one) => one === name).length > 1)
        .map((name) => `'${name}' stands there more than once.`),
    ];
    if (problems.length > 0)
      throw new JobError("InvalidHeader", {
        target: this.#name,
        reason: `${problems.join(" ")} Line 1 has to name ${known.join(",")} in any order.`,
      });
    this.#columns = found.length;
    this.#onHeader(found);
  }
}

const encoding = (record: Buffer): string | undefined =>
  record.includes(0) ? "holds a NUL byte" : isUtf8(record) ? undefined : "is not valid UTF-8";
