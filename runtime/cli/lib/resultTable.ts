import stringWidth from "string-width";
import { counted } from "../../contract/counted.ts";
import type { Client } from "./apiClient.ts";
import { dim, print, printInfo, width } from "./screen.ts";
import { truncateToWidth } from "./table.ts";
import { escapeHidden } from "./visible.ts";

/** Default and maximum number of rows on a terminal (GET /jobs/{id}/preview). */
export const DEFAULT_ROWS = 100;
export const MAX_ROWS = 1_000;

/** Response of GET /jobs/{id}/preview. */
export interface Preview {
  columns: string[];
  rows: (string | null)[][];
  more: boolean;
  furtherColumns?: number;
}

/** Maximum width of a table's column in terminal columns; longer cells are truncated. */
const MAX_COLUMN_WIDTH = 60;
/** Pattern of a number as Postgres writes it. */
export const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const NULL = "NULL";

/** Formats a cell on one line, with line breaks, tabs and hidden characters as escapes. Quotes the text NULL. */
export function cellText(value: string | null): string {
  if (value === null) return NULL;
  if (value === NULL) return `"${NULL}"`;
  return escapeHidden(value.replaceAll("\r", "\\r").replaceAll("\n", "\\n").replaceAll("\t", "\\t"));
}

/** Formats result rows as lines: a table, or one block per row if the table would be wider than the terminal. */
export function resultLines(
  { columns, rows }: Pick<Preview, "columns" | "rows">,
  terminalWidth: number,
  stream = process.stdout,
): string[] {
  const names = columns.map(cellText);
  const cells = rows.map((row) => row.map((value) => truncateToWidth(cellText(value), MAX_COLUMN_WIDTH)));
  const widths = names.map((name, column) =>
    Math.max(stringWidth(name), ...cells.map((row) => stringWidth(row[column] ?? ""))),
  );
  const total = widths.reduce((sum, columnWidth) => sum + columnWidth + 2, -2);
  return total <= terminalWidth
    ? tableLines(names, rows, cells, widths, stream)
    : recordLines(names, rows, terminalWidth, stream);
}

function tableLines(
  names: readonly string[],
  rows: Preview["rows"],
  cells: readonly (readonly string[])[],
  widths: readonly number[],
  stream: NodeJS.WriteStream,
): string[] {
  const isNumber = names.map((_, column) => {
    const values = rows.map((row) => row[column]).filter((value) => value !== null && value !== undefined);
    return values.length > 0 && values.every((value) => NUMBER.test(value));
  });
  const align = (text: string, column: number) => {
    const padding = " ".repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(text)));
    if (isNumber[column]) return padding + text;
    return column === names.length - 1 ? text : text + padding;
  };
  const line = (row: readonly string[], style: (text: string, column: number) => string) =>
    row.map((text, column) => style(align(text, column), column)).join("  ");
  return [
    line(names, (text) => dim(text, stream)),
    ...cells.map((row, index) =>
      line(row, (text, column) => (rows[index]?.[column] === null ? dim(text, stream) : text)),
    ),
  ];
}

/** Minimum width of values beside their names, in terminal columns. */
const MIN_VALUE_WIDTH = 20;

function recordLines(
  names: readonly string[],
  rows: Preview["rows"],
  terminalWidth: number,
  stream: NodeJS.WriteStream,
): string[] {
  const longest = Math.max(...names.map((name) => stringWidth(name)));
  const nameWidth = Math.max(
    1,
    Math.min(longest, Math.max(Math.floor(terminalWidth / 3), terminalWidth - MIN_VALUE_WIDTH - 2)),
  );
  return rows.flatMap((row, index) => [
    dim(
      truncateToWidth(`─[ ${index + 1} ]${"─".repeat(Math.min(60, Math.max(0, terminalWidth - 12)))}`, terminalWidth),
      stream,
    ),
    ...row.flatMap((value, column) => {
      const name = truncateToWidth(names[column] ?? "", nameWidth);
      const padded = name + " ".repeat(Math.max(0, nameWidth - stringWidth(name)));
      const pieces = piecesOf(cellText(value), Math.max(1, terminalWidth - nameWidth - 2));
      return pieces.map((piece, line) => {
        const label = line === 0 ? dim(padded, stream) : " ".repeat(nameWidth);
        return `${label}  ${value === null ? dim(piece, stream) : piece}`;
      });
    }),
  ]);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Splits text into pieces that each fit into `columns` terminal columns. */
function piecesOf(text: string, columns: number): string[] {
  if (stringWidth(text) <= columns) return [text];
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const size = stringWidth(segment);
    if (used + size > columns && piece !== "") {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += segment;
    used += size;
  }
  return [...pieces, piece];
}

/** Fetches the first rows of a read's result. */
export const fetchPreview = (client: Client, id: string, rows: number): Promise<Preview> => {
  const path = client.jobPath(id, "/preview");
  return client.json<Preview>("GET", `${path}${path.includes("?") ? "&" : "?"}rows=${rows}`);
};

/**
 * Shows the first rows of a read's result as a table, and the total number of rows.
 * @param total number of rows of the whole result
 */
export async function showTable(
  client: Client,
  id: string,
  { limit = DEFAULT_ROWS, total }: { limit?: number | undefined; total: number },
): Promise<void> {
  const preview = await fetchPreview(client, id, limit);
  const { columns, rows, more, furtherColumns = 0 } = preview;
  if (rows.length > 0) print(resultLines(preview, width(process.stdout)).join("\n"));
  else if (columns.length > 0) print(columns.map((name) => dim(cellText(name), process.stdout)).join("  "));
  const count = counted(total, "row");
  const outputHint = `${client.hint("result", `${id} --output FILE`)} writes the whole result.`;
  if (furtherColumns > 0)
    printInfo(`${counted(furtherColumns, "further column")} ${furtherColumns === 1 ? "is" : "are"} not shown.`);
  if (more || rows.length < total) printInfo(`${rows.length.toLocaleString("en")} of ${count}. ${outputHint}`);
  else printInfo(`${count}.${furtherColumns > 0 ? ` ${outputHint}` : ""}`);
}
