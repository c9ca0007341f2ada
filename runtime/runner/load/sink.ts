/** One thing that is wrong with a row, found before it reaches the database. */
export interface RowProblem {
  column: string | null;
  value: string | null;
  reason: string;
}

/** The most of a value that a report shows. */
export const SHOWN = 100;

/** A value as a report shows it: cut short, and storable (no NUL, no half characters). */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  const cut = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return cut.toWellFormed().replaceAll("\0", "\uFFFD");
}

/**
 * Collects the rows of one chunk as CSV for COPY: the target's columns, then the line where the row began, then what is
 * wrong with it as JSON. A bad row stands among the good ones, so that a report of any length needs no memory here.
 */
export class Sink {
  #buffer: Buffer;
  #end = 0;
  readonly #columns: number;

  constructor(columns: number, size: number) {
    this.#columns = columns;
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** A row that is CSV already: bytes from `start` to `end` of `source`. */
  raw(source: Buffer, start: number, end: number, line: number): void {
    this.#reserve(end - start + 24);
    source.copy(this.#buffer, this.#end, start, end);
    this.#end += end - start;
    this.#text(`,${line},\n`);
  }

  /** A row given as values; null is NULL. */
  values(values: readonly (string | null)[], line: number): void {
    const text = `${values.map((value) => (value === null ? "" : quote(value))).join(",")},${line},\n`;
    this.#reserve(text.length * 3);
    this.#text(text);
  }

  /** A row that cannot be used. */
  bad(problems: readonly RowProblem[], line: number): void {
    const text = `${",".repeat(this.#columns)}${line},${quote(JSON.stringify(problems))}\n`;
    this.#reserve(text.length * 3);
    this.#text(text);
  }

  /** What was collected since; the sink goes on with a buffer of its own. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#end);
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length);
    this.#end = 0;
    return taken;
  }

  #text(text: string): void {
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
