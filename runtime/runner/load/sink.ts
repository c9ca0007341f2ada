/** One thing that is wrong with a row, found before it reaches the database. */
export interface RowProblem {
  column: string | null;
  value: string | null;
  reason: string;
}

/** A line or record longer than this is not taken: what it holds is no row, and memory stays bounded. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** The most of a value that a report shows. */
export const SHOWN = 100;

/** A value as a report shows it: cut short, and storable (no NUL, no half characters). */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  const cut = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return cut.toWellFormed().replaceAll("\0", "\uFFFD");
}

/** The beginning of a record as a report shows it; bytes that are no UTF-8 as U+FFFD. */
export const shownBytes = (bytes: Buffer, start: number, end: number): string =>
  shown(bytes.toString("utf8", start, Math.min(end, start + 4 * SHOWN + 4)));

/**
 * Collects the rows of one chunk as CSV for COPY: the target's columns, then the line where the row began, then what is
 * wrong with it as JSON. A bad row stands among the good ones, so that a report of any length needs no memory here.
 */
export class Sink {
  /** Rows taken in so far, and how many of them cannot be used. */
  rows = 0;
  badRows = 0;
  #buffer: Buffer;
  #end = 0;
  readonly #nothing: readonly null[];

  constructor(columns: number, size = 128 * 1024) {
    this.#nothing = Array.from({ length: columns }, () => null);
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** A row that is CSV already: bytes from `start` to `end` of `source`. */
  raw(source: Buffer, start: number, end: number, line: number): void {
    this.rows++;
    this.#reserve(end - start + 24);
    source.copy(this.#buffer, this.#end, start, end);
    this.#end += end - start;
    this.#end += this.#buffer.write(`,${line},\n`, this.#end, "latin1");
  }

  /** A row given as values; null is NULL. */
  values(values: readonly (string | null)[], line: number): void {
    this.rows++;
    this.#text(`${fields(values)},${line},\n`);
  }

  /** A row that cannot be used; `values`: what could be read of it, to be judged with the others. */
  bad(problems: readonly RowProblem[], line: number, values: readonly (string | null)[] = this.#nothing): void {
    this.rows++;
    this.badRows++;
    this.#text(`${fields(values)},${line},${quote(JSON.stringify(problems))}\n`);
  }

  /** What was collected since; the sink goes on with a buffer of its own. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#end);
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length);
    this.#end = 0;
    return taken;
  }

  #text(text: string): void {
    this.#reserve(text.length * 3);
    this.#end += this.#buffer.write(text, this.#end, "utf8");
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
const fields = (values: readonly (string | null)[]) =>
  values.map((value) => (value === null ? "" : quote(value))).join(",");
