import stringWidth from "string-width";
import { dim, plain } from "./screen.ts";

/** Minimum width of a column, unless its heading is wider. */
const MIN_WIDTH = 10;
/** Minimum width of a shortened id if the columns after it are omitted for it. */
const SHORTENED_ID = 24;
/** Maximum measured width of a cell; no terminal has more columns. */
const WIDEST = 1_000;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const STYLES = /(\x1b\[[0-9;]*m)/;

/** Truncates text to a width in terminal columns (wide characters have two). Color codes are kept. */
export function truncateToWidth(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let remaining = Math.max(0, columns - 1);
  let cut = false;
  const pieces = text.split(STYLES).map((piece) => {
    if (STYLES.test(piece)) return piece;
    let result = "";
    for (const { segment } of cut ? [] : graphemes.segment(piece)) {
      remaining -= stringWidth(segment);
      cut = remaining < 0;
      if (cut) return columns > 0 ? `${result}…` : "";
      result += segment;
    }
    return result;
  });
  return pieces.join("");
}

/** Minimum width of wrapped lines. */
const MIN_LINE_WIDTH = 20;

/** Wraps text into lines of a maximum width; longer words are cut. */
export function wrapText(text: string, columns: number): string[] {
  const width = Math.max(MIN_LINE_WIDTH, columns);
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(truncateToWidth(word, width));
  }
  return lines;
}

/** Pads or truncates text to a width. */
const padToWidth = (text: string, columns: number): string => {
  const truncated = truncateToWidth(text, columns);
  return truncated + " ".repeat(Math.max(0, columns - stringWidth(truncated)));
};

/** Style of a table. */
export interface TableStyle {
  /** Destination; headings are dim on a terminal. */
  stream?: NodeJS.WriteStream;
  /** Styles a cell after it was fitted into its column. */
  colour?: (cell: string, column: number) => string;
  /** Right-aligned columns. */
  right?: readonly number[];
  /**
   * Columns that keep their width, mainly ids that people copy. Columns after them are omitted first.
   */
  keep?: readonly number[];
}

/**
 * Formats a table that fits into `room` columns: the widest cells are cut first, then the last columns are omitted, so
 * that no line is ever longer than the terminal.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
  { stream = process.stdout, colour = (cell) => cell, right = [], keep = [] }: TableStyle = {},
): string {
  const cells = rows.map((row) => row.map(plain));
  const fullWidths = head.map((name, column) =>
    Math.max(stringWidth(name), ...cells.map((row) => Math.min(stringWidth(row[column] ?? ""), WIDEST))),
  );
  const widths = fitWidths(fullWidths, head, columns, keep);
  const visibleColumns = Math.max(1, columnsThatFit(widths, columns));
  if (visibleColumns === 1) widths[0] = Math.min(widths[0] ?? 0, Math.max(1, columns));
  const line = (row: readonly string[], style: (cell: string, column: number) => string) =>
    row
      .slice(0, visibleColumns)
      .map((cell, column) => {
        const size = widths[column] ?? 0;
        const padding = " ".repeat(Math.max(0, size - stringWidth(cell)));
        if (right.includes(column)) return style(padding + truncateToWidth(cell, size), column);
        return style(column < visibleColumns - 1 ? padToWidth(cell, size) : truncateToWidth(cell, size), column);
      })
      .join("  ");
  return [line(head, (cell) => dim(cell, stream)), ...cells.map((row) => line(row, colour))].join("\n");
}

/**
 * Returns the widths of the columns. Columns of `keep` are narrowed only if omitting the columns after them is not
 * enough, the last of them first.
 */
function fitWidths(
  full: readonly number[],
  head: readonly string[],
  columns: number,
  keep: readonly number[],
): number[] {
  const least = head.map((name) => Math.max(stringWidth(name), MIN_WIDTH));
  const widths = [...full];
  shrinkWidest(widths, least, columns, keep);
  const fits = keep.length === 0 || columnsThatFit(widths, columns) > Math.max(...keep);
  if (fits) return widths;
  const last = keep.at(-1) ?? 0;
  const others = full
    .slice(0, Math.max(...keep) + 1)
    .reduce((sum, width, column) => sum + (column === last ? 0 : width + 2), 0);
  // An id that is cut at its end may still identify a job by its beginning.
  if (keep.length > 1 && columns - others >= SHORTENED_ID)
    return full.with(last, Math.min(full[last] ?? 0, columns - others));
  return fitWidths(full, head, columns, keep.slice(0, -1));
}

/** Shrinks the widest cells until all fit, or none can shrink further. */
function shrinkWidest(widths: number[], least: readonly number[], columns: number, keep: readonly number[]): void {
  for (let excess = widths.reduce((sum, width) => sum + width + 2, -2) - columns; excess > 0; excess--) {
    const spare = widths.map((width, column) => (width > (least[column] ?? 0) && !keep.includes(column) ? width : 0));
    const widest = spare.lastIndexOf(Math.max(...spare));
    if (spare[widest] === 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** Number of columns that fit. */
function columnsThatFit(widths: readonly number[], columns: number): number {
  const upTo = (column: number) => widths.slice(0, column + 1).reduce((sum, width) => sum + width + 2, -2);
  const over = widths.findIndex((_, column) => upTo(column) > columns);
  return over < 0 ? widths.length : over;
}
