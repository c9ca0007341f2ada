import { isUtf8 } from "node:buffer";
import { JobError } from "../../contract/errors.ts";
import { BYTE_ORDER_MARK } from "./fileKinds.ts";
import { otherSeparator, readHeader } from "./header.ts";
import { MAX_RECORD_BYTES, MAX_SHOWN_VALUE, NOT_UTF8, type Sink, shownBytes } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

const UNTERMINATED_RECORD = `does not end within ${MAX_RECORD_BYTES} bytes; is a quote left open?`;

/** Reason for rejecting a record with a quote that neither opens nor closes a field. */
export const MISPLACED_QUOTE =
  "has a quote inside an unquoted field: put the whole field in quotes, and write a quote in it twice";

/** Reason for rejecting a record that repeats the header, as in files joined with their headers. */
export const REPEATED_HEADER = "repeats the header; remove this line, and join files without their headers";

/**
 * Reads CSV (RFC 4180; a quote within an unquoted field is refused) and yields it in COPY's format, with line numbers.
 * Good records pass unchanged: the scanner only finds their ends, counts their fields and checks their encoding. The
 * header names every column of the target, in any order. Lines end in LF, CRLF or CR, and blank lines are skipped. A
 * record is reported at the line where it begins. The output does not depend on how the source is split into chunks.
 *
 * @param onHeader - Receives the columns in the order of the file, before the first yield.
 * @throws JobError InvalidHeader
 */
export async function* csvRecords(
  source: AsyncIterable<Buffer>,
  target: TargetTable,
  targetName: string,
  sink: Sink,
  onHeader: (columns: string[]) => void,
): AsyncGenerator<Buffer> {
  const scanner = new Scanner(target, targetName, sink, onHeader);
  for await (const chunk of source) {
    scanner.push(chunk, false);
    const out = sink.takeBytes();
    if (out.length > 0) yield out;
    if (sink.stopped) return;
  }
  scanner.push(Buffer.alloc(0), true);
  const out = sink.takeBytes();
  if (out.length > 0) yield out;
}

class Scanner {
  readonly #target: TargetTable;
  readonly #targetName: string;
  readonly #sink: Sink;
  readonly #onHeader: (columns: string[]) => void;
  #columns = 0;
  /** The header as written. */
  #header: Buffer = Buffer.alloc(0);
  /** The record that has not ended yet, and the number of its bytes scanned so far. */
  #incomplete: Buffer = Buffer.alloc(0);
  #scanned = 0;
  #fields = 1;
  #isQuoted = false;
  /** Line ends within the record's quotes. */
  #newlines = 0;
  #afterCr = false;
  /** End of the record's last quoted field. */
  #closedAt = -1;
  /** True if the record has a quote within an unquoted field. */
  #hasMisplacedQuote = false;
  /** True if the record is too long and was reported; its rest is skipped. */
  #isSkipping = false;
  #line = 1;

  constructor(target: TargetTable, targetName: string, sink: Sink, onHeader: (columns: string[]) => void) {
    this.#target = target;
    this.#targetName = targetName;
    this.#sink = sink;
    this.#onHeader = onHeader;
  }

  push(chunk: Buffer, last: boolean): void {
    const data = this.#incomplete.length === 0 ? chunk : Buffer.concat([this.#incomplete, chunk]);
    // All complete lines are checked at once, and nearly always pass; otherwise each record is checked by itself.
    const completeEnd = data.lastIndexOf(LF) + 1;
    const lines = data.subarray(0, completeEnd);
    const isClean = isUtf8(lines) && !lines.includes(0);
    const size = data.length;
    let start = 0;
    let at = this.#scanned;
    let fields = this.#fields;
    let quoted = this.#isQuoted;
    let newlines = this.#newlines;
    let misplaced = this.#hasMisplacedQuote;
    let closedAt = this.#closedAt;
    let afterCr = this.#afterCr;
    for (; at < size; at++) {
      const byte = data[at];
      if (quoted) {
        if (byte === QUOTE) {
          quoted = false;
          closedAt = at;
        } else if (byte === CR || (byte === LF && !afterCr)) newlines++;
        afterCr = byte === CR;
      } else if (byte === COMMA) fields++;
      else if (byte === QUOTE) {
        // A quote opens a field, or doubles the quote that seemed to close the field. Parsers disagree about any other
        // quote.
        if (at === start || data[at - 1] === COMMA || at - 1 === closedAt) {
          quoted = true;
          afterCr = false;
        } else misplaced = true;
      } else if (byte === LF || byte === CR) {
        if (byte === CR && at + 1 === size && !last) break; // its LF may follow
        this.#record(data, start, at, fields, isClean && at < completeEnd, misplaced);
        if (byte === CR && data[at + 1] === LF) at++;
        this.#line += newlines + 1;
        start = at + 1;
        fields = 1;
        newlines = 0;
        misplaced = false;
        closedAt = -1;
      }
    }
    if (last) {
      if (quoted) this.#reject(data, start, size, "leaves a quote open");
      else this.#record(data, start, size, fields, false, misplaced);
      if (this.#columns === 0) this.#readHeader(undefined);
      return;
    }
    if (at - start > MAX_RECORD_BYTES) {
      this.#reject(data, start, at, UNTERMINATED_RECORD);
      this.#isSkipping = true;
    }
    if (this.#isSkipping) start = at;
    this.#incomplete = Buffer.from(data.subarray(start)); // a copy: the stream owns the chunk's memory
    this.#scanned = at - start;
    this.#fields = fields;
    this.#isQuoted = quoted;
    this.#newlines = newlines;
    this.#hasMisplacedQuote = misplaced;
    this.#closedAt = closedAt - start;
    this.#afterCr = afterCr;
  }

  #record(data: Buffer, start: number, end: number, fields: number, isClean: boolean, misplaced: boolean): void {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return;
    }
    if (start === end) return;
    if (end - start > MAX_RECORD_BYTES) this.#reject(data, start, end, UNTERMINATED_RECORD);
    else if (this.#columns === 0) {
      const reason = encodingProblem(data.subarray(start, end));
      if (reason === undefined) this.#readHeader(data.subarray(start, end));
      else this.#reject(data, start, end, reason);
    } else {
      const reason =
        (isClean ? undefined : encodingProblem(data.subarray(start, end))) ??
        (this.#repeatsHeader(data, start, end) ? REPEATED_HEADER : undefined) ??
        (misplaced ? MISPLACED_QUOTE : undefined) ??
        (fields === this.#columns ? undefined : wrongFields(data.subarray(start, end), fields, this.#columns));
      if (reason === undefined) this.#sink.addCsv(data, start, end, this.#line);
      else this.#reject(data, start, end, reason);
    }
  }

  /**
   * Returns true if a record repeats the header, perhaps after the byte order mark of a file that was appended to
   * another.
   */
  #repeatsHeader(data: Buffer, start: number, end: number): boolean {
    const from =
      data[start] === BYTE_ORDER_MARK[0] && BYTE_ORDER_MARK.equals(data.subarray(start, start + 3)) ? start + 3 : start;
    return end - from === this.#header.length && this.#header.equals(data.subarray(from, end));
  }

  #reject(data: Buffer, start: number, end: number, reason: string): void {
    if (this.#isSkipping) return;
    if (this.#columns === 0)
      throw new JobError("InvalidHeader", {
        target: this.#targetName,
        reason: `line ${this.#line} (${shownBytes(data, start, end)}) ${reason}`,
      });
    this.#sink.addBad([{ column: null, value: shownBytes(data, start, end), reason }], this.#line);
  }

  #readHeader(bytes: Buffer | undefined): void {
    const columns = readHeader(bytes?.toString(), this.#target, this.#targetName, bytes === undefined ? 1 : this.#line);
    this.#columns = columns.length;
    // A copy: the stream owns the chunk's memory.
    this.#header = Buffer.from(bytes ?? []);
    this.#onHeader(columns);
  }
}

/** Returns the reason for rejecting a record whose number of fields differs from the header's, with the probable cause. */
export function wrongFields(record: Buffer, fields: number, expected: number): string {
  const reason = `has ${fields} ${fields === 1 ? "field" : "fields"} instead of ${expected}`;
  if (record.length > 8 * MAX_SHOWN_VALUE) return reason;
  const text = record.toString();
  if (fields === expected + 1 && text.endsWith(",")) return `${reason}: it ends with a comma`;
  if (fields > 1) return reason;
  if (text.startsWith('"') && text.endsWith('"') && text.includes(",")) return `${reason}: the whole line is in quotes`;
  const separator = otherSeparator(text, expected);
  return separator === undefined ? reason : `${reason}: it is separated by ${separator}`;
}

const encodingProblem = (record: Buffer): string | undefined =>
  record.includes(0) ? "contains a NUL byte" : isUtf8(record) ? undefined : NOT_UTF8;
