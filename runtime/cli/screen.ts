import { stripVTControlCharacters, styleText } from "node:util";

/**
 * Results go to stdout, everything else to stderr, so that `rates result ID > file` and `rates list --json | jq` just
 * work. styleText leaves colours out for NO_COLOR and where the stream is no terminal.
 */
export const say = (line = ""): void => {
  process.stderr.write(`${line}\n`);
};
export const print = (text: string): void => {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
};
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

const COLOURS = {
  PENDING: "yellow",
  IN_PROGRESS: "cyan",
  SUCCEEDED: "green",
  FAILED: "red",
  CANCELLED: "magenta",
} as const;

/** A state in its colour. */
export const coloured = (status: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styleText(COLOURS[status as keyof typeof COLOURS] ?? "reset", status, { stream });
export const dim = (text: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styleText("dim", text, { stream });

/** Text of others on one line, without what a terminal would obey (escape sequences, C0 and C1 controls). */
export const plain = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\s+/g, " ")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replace(/[\x00-\x1f\x7f-\x9f]/g, "�");

/** How many columns there are; a file or a pipe has as many as it takes. */
export const width = (stream: NodeJS.WriteStream): number => stream.columns ?? Number.POSITIVE_INFINITY;

/** No column is cut shorter than this, or than its heading. */
const NARROWEST = 10;

/**
 * A table that fits into `room` columns: the widest cells give way first. `colour` may dress a padded cell; headings
 * are dim where `stream` is a terminal.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  room: number,
  { stream = process.stdout as NodeJS.WriteStream, colour = (cell: string, _column: number) => cell } = {},
): string {
  const cells = rows.map((row) => row.map(plain));
  const widths = head.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => Math.min(row[column]?.length ?? 0, 1_000))),
  );
  const least = head.map((name) => Math.max(name.length, NARROWEST));
  for (let excess = widths.reduce((sum, one) => sum + one + 2, -2) - room; excess > 0; excess--) {
    const spare = widths.map((one, column) => (one > (least[column] ?? 0) ? one : 0));
    const widest = spare.lastIndexOf(Math.max(...spare));
    if (spare[widest] === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  const fitted = (cell: string, column: number) => {
    const size = widths[column] ?? 0;
    return cell.length > size ? `${cell.slice(0, size - 1)}…` : cell.padEnd(size);
  };
  const line = (row: readonly string[], dress: (cell: string, column: number) => string) =>
    row
      .map((cell, column) =>
        dress(column < head.length - 1 ? fitted(cell, column) : fitted(cell, column).trimEnd(), column),
      )
      .join("  ");
  return [line(head, (cell) => dim(cell, stream)), ...cells.map((row) => line(row, colour))].join("\n");
}

/** 1536 → "1.5 kB", with powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? Math.round(bytes) : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** Milliseconds for people: "820 ms", "4.2 s", "3 min 20 s", "2 h 5 min". */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A line that is drawn over itself on a terminal; elsewhere lines, `EVERY_MS` apart unless there is something new. */
export class ProgressLine {
  static readonly #EVERY_MS = 2_000;
  readonly #terminal = process.stderr.isTTY === true;
  #last = 0;
  #stage = "";

  /** `stage`: a change of it is worth a line at once. */
  update(text: string, stage = ""): void {
    const now = Date.now();
    if (this.#terminal) process.stderr.write(`\r\x1b[2K${cutTo(text, (process.stderr.columns ?? 80) - 1)}`);
    else if (stage !== this.#stage || now - this.#last >= ProgressLine.#EVERY_MS) {
      say(text);
      this.#last = now;
    }
    this.#stage = stage;
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[2K");
  }
}

/** Cuts text that may hold colours to a number of columns; colours all stand at its beginning. */
const cutTo = (text: string, columns: number): string =>
  text.slice(0, Math.max(0, columns + text.length - stripVTControlCharacters(text).length));

/** A bar of `share` (0..1), with the rate and the time left. */
export function bar(share: number, done: string, rate: string, secondsLeft: number | undefined): string {
  const size = 24;
  const full = Math.round(Math.min(1, share) * size);
  const left =
    secondsLeft === undefined || !Number.isFinite(secondsLeft) ? "" : `  ${durationText(secondsLeft * 1000)} left`;
  return `${"█".repeat(full)}${"░".repeat(size - full)} ${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %  ${done}  ${rate}${left}`;
}
