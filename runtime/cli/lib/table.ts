import stringWidth from "string-width";
import { dim, plain } from "./screen.ts";

/** No column is cut shorter than this, or than its heading. */
const NARROWEST = 10;
/** Cells are measured this far; no terminal has more columns. */
const WIDEST = 1_000;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const STYLES = /(\x1b\[[0-9;]*m)/;

/** Text of at most so many columns, as a terminal counts them: wide characters are two. Colours in it stay whole. */
export function cutTo(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let room = Math.max(0, columns - 1);
  let cut = false;
  const pieces = text.split(STYLES).map((piece) => {
    if (STYLES.test(piece)) return piece;
    let kept = "";
    for (const { segment } of cut ? [] : graphemes.segment(piece)) {
      room -= stringWidth(segment);
      cut = room < 0;
      if (cut) return columns > 0 ? `${kept}…` : "";
      kept += segment;
    }
    return kept;
  });
  return pieces.join("");
}

/** No line of prose is shorter, however narrow the terminal. */
const NARROWEST_LINE = 20;

/** Text in lines of at most so many columns, broken between words; a word that is longer is cut. */
export function wrapped(text: string, columns: number): string[] {
  const room = Math.max(NARROWEST_LINE, columns);
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(cutTo(word, room));
  }
  return lines;
}

/** Text of exactly so many columns. */
const filled = (text: string, columns: number): string => {
  const fitted = cutTo(text, columns);
  return fitted + " ".repeat(Math.max(0, columns - stringWidth(fitted)));
};

/** Style of a table. */
export interface TableStyle {
  /** Destination; headings are dim on a terminal. */
  stream?: NodeJS.WriteStream;
  /** Dresses a cell that has been fitted into its column. */
  colour?: (cell: string, column: number) => string;
  /** Columns of numbers, which end at the right. */
  right?: readonly number[];
  /**
   * Columns that stay as wide as they are, ids that people copy first of all. Columns behind them are left out before they
   * give way.
   */
  keep?: readonly number[];
}

/**
 * A table that fits into `room` columns: the widest cells give way first, and at last the columns at the end are left
 * out, so that no line is ever longer than the terminal.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  room: number,
  { stream = process.stdout, colour = (cell) => cell, right = [], keep = [] }: TableStyle = {},
): string {
  const cells = rows.map((row) => row.map(plain));
  const whole = head.map((name, column) =>
    Math.max(stringWidth(name), ...cells.map((row) => Math.min(stringWidth(row[column] ?? ""), WIDEST))),
  );
  const widths = fitted(whole, head, room, keep);
  const shown = Math.max(1, columnsThatFit(widths, room));
  if (shown === 1) widths[0] = Math.min(widths[0] ?? 0, Math.max(1, room));
  const line = (row: readonly string[], dress: (cell: string, column: number) => string) =>
    row
      .slice(0, shown)
      .map((cell, column) => {
        const size = widths[column] ?? 0;
        const padding = " ".repeat(Math.max(0, size - stringWidth(cell)));
        if (right.includes(column)) return dress(padding + cutTo(cell, size), column);
        return dress(column < shown - 1 ? filled(cell, size) : cutTo(cell, size), column);
      })
      .join("  ");
  return [line(head, (cell) => dim(cell, stream)), ...cells.map((row) => line(row, colour))].join("\n");
}

/** The widths of columns that fit: rather no last column than half an id, and of what is kept the last gives way first. */
function fitted(whole: readonly number[], head: readonly string[], room: number, keep: readonly number[]): number[] {
  const least = head.map((name) => Math.max(stringWidth(name), NARROWEST));
  const widths = [...whole];
  narrow(widths, least, room, keep);
  const fits = keep.length === 0 || columnsThatFit(widths, room) > Math.max(...keep);
  return fits ? widths : fitted(whole, head, room, keep.slice(0, -1));
}

/** Takes columns of the widest cells away until all fit, or none can give more. */
function narrow(widths: number[], least: readonly number[], room: number, keep: readonly number[]): void {
  for (let excess = widths.reduce((sum, one) => sum + one + 2, -2) - room; excess > 0; excess--) {
    const spare = widths.map((one, column) => (one > (least[column] ?? 0) && !keep.includes(column) ? one : 0));
    const widest = spare.lastIndexOf(Math.max(...spare));
    if (spare[widest] === 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** Number of columns that fit. */
function columnsThatFit(widths: readonly number[], room: number): number {
  const upTo = (column: number) => widths.slice(0, column + 1).reduce((sum, one) => sum + one + 2, -2);
  const over = widths.findIndex((_, column) => upTo(column) > room);
  return over < 0 ? widths.length : over;
}
