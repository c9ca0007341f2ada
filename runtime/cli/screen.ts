import { styleText } from "node:util";

/**
 * Results go to stdout, everything else to stderr, so that `rates result ID > file` and `rates list --json | jq` just
 * work. styleText leaves colours out for NO_COLOR and where stderr is no terminal.
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
export const bold = (text: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styleText("bold", text, { stream });
export const dim = (text: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styleText("dim", text, { stream });

/** A table that fits: the last column gives way where the terminal is too narrow. `colour` may dress a padded cell. */
export function table(
  head: string[],
  rows: string[][],
  width: number,
  colour: (cell: string, column: number) => string = (cell) => cell,
): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const others = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  widths[widths.length - 1] = Math.max(8, Math.min(widths.at(-1) ?? 0, width - others));
  const cut = (cell: string, column: number) => {
    const room = widths[column] ?? 0;
    return cell.length > room ? `${cell.slice(0, room - 1)}…` : column === head.length - 1 ? cell : cell.padEnd(room);
  };
  const line = (row: string[], dress: (cell: string, column: number) => string) =>
    row.map((cell, column) => dress(cut(cell.replace(/\s+/g, " "), column), column)).join("  ");
  return [line(head, (cell) => bold(cell, process.stdout)), ...rows.map((row) => line(row, colour))].join("\n");
}

/** 1536 → "1.5 kB", with powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** Milliseconds for people: "820 ms", "4.2 s", "3 min 20 s". */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/** A line that is drawn over itself on a terminal; elsewhere a line is written when `now` is at least `every` ms old. */
export class ProgressLine {
  readonly #terminal = process.stderr.isTTY === true;
  #last = 0;

  update(text: string, every = 2_000): void {
    const now = Date.now();
    if (this.#terminal) process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    else if (now - this.#last >= every) say(text);
    else return;
    this.#last = now;
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[2K");
  }
}

/** A bar of `share` (0..1), with the rate and the time left. */
export function bar(share: number, done: string, rate: string, secondsLeft: number | undefined): string {
  const size = 24;
  const full = Math.round(Math.min(1, share) * size);
  const left =
    secondsLeft === undefined || !Number.isFinite(secondsLeft) ? "" : `  ${durationText(secondsLeft * 1000)} left`;
  return `${"█".repeat(full)}${"░".repeat(size - full)} ${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %  ${done}  ${rate}${left}`;
}
