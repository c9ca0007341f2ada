import stringWidth from "string-width";
import { dim, plain } from "./screen.ts";

/** Minimum width of a column, unless its heading is wider. */
const MIN_WIDTH = 10;
/** Minimum width of a shortened id. An id with less room is treated like a column that is not in `keep`. */
const MIN_ID_WIDTH = 24;
/** Maximum width of a cell in columns, also in a pipe. */
const MAX_CELL_WIDTH = 1_000;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const STYLES = /(\x1b\[[0-9;]*m)/;

/** Truncates text to a width in terminal columns (wide characters have two). Colour codes are kept. */
export function truncateToWidth(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let remaining = Math.max(0, columns - 1);
  let isCut = false;
  const pieces = text.split(STYLES).map((piece) => {
    if (STYLES.test(piece)) return piece;
    let result = "";
    for (const { segment } of isCut ? [] : graphemes.segment(piece)) {
      remaining -= stringWidth(segment);
      isCut = remaining < 0;
      if (isCut) return columns > 0 ? `${result}…` : "";
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
  /** Styles a cell after it has been padded or truncated. */
  colour?: (cell: string, column: number) => string;
  /** Right-aligned columns. */
  right?: readonly number[];
  /** Columns that keep their width, mainly ids that people copy. Columns after them are omitted first. */
  keep?: readonly number[];
}

/**
 * Formats a table that fits into `columns` terminal columns, so that no line wraps. The widest cells are truncated first,
 * then the last columns are omitted.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
  { stream = process.stdout, colour = (cell) => cell, right = [], keep = [] }: TableStyle = {},
): string {
  const cells = rows.map((row) => row.map(plain));
  const fullWidths = head.map((name, column) =>
    Math.max(stringWidth(name), ...cells.map((row) => Math.min(stringWidth(row[column] ?? ""), MAX_CELL_WIDTH))),
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
 * Returns the widths of the columns. Columns in `keep` are narrowed only if omitting the columns after them is not
 * enough. The last column in `keep` is narrowed first.
 */
function fitWidths(
  full: readonly number[],
  head: readonly string[],
  columns: number,
  keep: readonly number[],
): number[] {
  const minimum = head.map((name) => Math.max(stringWidth(name), MIN_WIDTH));
  const widths = [...full];
  shrinkWidest(widths, minimum, columns, keep);
  const fits = keep.length === 0 || columnsThatFit(widths, columns) > Math.max(...keep);
  if (fits) return widths;
  const last = keep.at(-1) ?? 0;
  const others = full
    .slice(0, Math.max(...keep) + 1)
    .reduce((sum, width, column) => sum + (column === last ? 0 : width + 2), 0);
  // A truncated id may still identify a job by its beginning.
  if (keep.length > 1 && columns - others >= MIN_ID_WIDTH)
    return full.with(last, Math.min(full[last] ?? 0, columns - others));
  return fitWidths(full, head, columns, keep.slice(0, -1));
}

/** Shrinks the widest columns until the table fits, or no column can shrink further. */
function shrinkWidest(widths: number[], minimum: readonly number[], columns: number, keep: readonly number[]): void {
  for (let excess = widths.reduce((sum, width) => sum + width + 2, -2) - columns; excess > 0; excess--) {
    const spare = widths.map((width, column) => (width > (minimum[column] ?? 0) && !keep.includes(column) ? width : 0));
    const widest = spare.lastIndexOf(Math.max(...spare));
    if (spare[widest] === 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** Returns the number of table columns that fit into `columns` terminal columns. */
function columnsThatFit(widths: readonly number[], columns: number): number {
  const widthThrough = (column: number) => widths.slice(0, column + 1).reduce((sum, width) => sum + width + 2, -2);
  const firstHidden = widths.findIndex((_, column) => widthThrough(column) > columns);
  return firstHidden < 0 ? widths.length : firstHidden;
}
