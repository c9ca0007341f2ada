import { escapeInvisible } from "../../contract/invisible.ts";

/** A problem of a row, found before it reaches the database. */
export interface RowProblem {
  column: string | null;
  value: string | null;
  reason: string;
}

/** Maximum length of a line or record: a longer line cannot be a row, and memory stays bounded. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** Reason for text in another encoding; spreadsheets write Windows-1252 unless UTF-8 is chosen. */
export const NOT_UTF8 = "is not valid UTF-8; it may be Latin-1 or Windows-1252. Save the file as UTF-8";
/** Maximum length of a value in a report. Characters. */
export const MAX_SHOWN_VALUE = 100;

/** Returns a text as a report shows it: cut short, invisible characters as escapes, no half characters. */
export function reportText(text: string): string {
  const cut = text.length > MAX_SHOWN_VALUE ? `${text.slice(0, MAX_SHOWN_VALUE)}…` : text;
  return escapeInvisible(cut.toWellFormed());
}

/** Returns the beginning of a record as a report shows it, with invalid UTF-8 as U+FFFD. */
export const shownBytes = (bytes: Buffer, start: number, end: number): string =>
  reportText(bytes.toString("utf8", start, Math.min(end, start + 4 * MAX_SHOWN_VALUE + 4)));

/** Limits at which reading of a batch stops. */
export interface StagingLimits {
  maxBadRows: number;
  /** Bytes that the rows take in the database, as `Sink.bytes` counts them. */
  stagedBytes: number;
}

/** The maximum that was reached, by its configuration key. */
export type StopReason = keyof StagingLimits;

/** Bytes that Postgres adds to each staged row: its header, its pointer and padding. */
const ROW_OVERHEAD = 32;

/**
 * Collects the rows of a batch, chunk by chunk, as CSV for COPY: the target's columns, then the line where the row
 * began, then its problems as JSON. Bad rows are written among the good rows, so that a report of any length takes no
 * memory here.
 */
export class Sink {
  /** Rows accepted so far, and the number of bad rows among them. */
  rows = 0;
  badRows = 0;
  /** Line of the last row. */
  lastLine = 0;
  /** Bytes that the rows take in the database. The server has no limit for temporary tables. */
  bytes = 0;
  /** The maximum that was reached, after which no row is accepted. */
  stopped: StopReason | undefined;
  #buffer: Buffer;
  #end = 0;
  readonly #noValues: readonly null[];
  readonly #limits: StagingLimits;
  /** Well-formed rows whose values the database has found invalid. */
  #badInDatabase = 0;

  constructor(columns: number, limits: StagingLimits = NO_LIMITS, size = 128 * 1024) {
    this.#limits = limits;
    this.#noValues = Array.from({ length: columns }, () => null);
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** Adds a row that is already CSV: bytes from `start` to `end` of `source`. */
  addCsv(source: Buffer, start: number, end: number, line: number): void {
    if (this.stopped) return;
    this.rows++;
    this.lastLine = line;
    const before = this.#end;
    this.#reserve(end - start + 24);
    source.copy(this.#buffer, this.#end, start, end);
    this.#end += end - start;
    this.#end += this.#buffer.write(`,${line},\n`, this.#end, "latin1");
    this.#count(this.#end - before);
  }

  /** Adds a row given as values; null is NULL. */
  addValues(values: readonly (string | null)[], line: number): void {
    if (this.stopped) return;
    this.rows++;
    this.lastLine = line;
    this.#write(`${fields(values)},${line},\n`);
  }

  /** Adds a bad row. `values` are the values that could be read; they are checked like those of other rows. */
  addBad(problems: readonly RowProblem[], line: number, values: readonly (string | null)[] = this.#noValues): void {
    if (this.stopped) return;
    if (this.badRows + this.#badInDatabase >= this.#limits.maxBadRows) {
      this.stopped = "maxBadRows";
      return;
    }
    this.rows++;
    this.badRows++;
    this.lastLine = line;
    this.#write(`${fields(values)},${line},${quote(JSON.stringify(problems))}\n`);
  }

  /** Sets the number of rows that the database has found bad. */
  setBadInDatabase(rows: number): void {
    this.#badInDatabase = rows;
    if (this.badRows + rows > this.#limits.maxBadRows) this.stopped ??= "maxBadRows";
  }

  #count(bytes: number): void {
    this.bytes += bytes + ROW_OVERHEAD;
    if (this.bytes > this.#limits.stagedBytes) this.stopped ??= "stagedBytes";
  }

  /** Returns the collected bytes; the sink continues with a new buffer. */
  takeBytes(): Buffer {
    const taken = this.#buffer.subarray(0, this.#end);
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length);
    this.#end = 0;
    return taken;
  }

  #write(text: string): void {
    this.#reserve(text.length * 3);
    const written = this.#buffer.write(text, this.#end, "utf8");
    this.#end += written;
    this.#count(written);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

const NO_LIMITS: StagingLimits = { maxBadRows: Infinity, stagedBytes: Infinity };

const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
const fields = (values: readonly (string | null)[]) =>
  values.map((value) => (value === null ? "" : quote(value))).join(",");
