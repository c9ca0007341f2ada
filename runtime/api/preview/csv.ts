import { CellText, PREVIEW, type Row } from "./cell.ts";

/** A line of CSV. */
interface Line {
  cells: (string | null)[];
  isOpen: boolean;
}

/** Reads header and rows of CSV as the runners write it: quoted where needed; an unquoted empty cell is null. */
export function csvRows(text: string): { head: string[]; rows: Iterable<Row> } {
  const lines = linesOf(text);
  const first = lines.next();
  const head = first.done ? [] : first.value.cells.map((name) => name ?? "");
  return { head, rows: rowsOf(head, lines) };
}

function* rowsOf(head: readonly string[], lines: Iterable<Line>): Generator<Row> {
  for (const { cells, isOpen } of lines) {
    const width = Math.min(cells.length, head.length);
    yield { names: head.slice(0, width), cells, isOpen };
  }
}

/** Reads lines cell by cell, keeping each cell's text up to its maximum. */
function* linesOf(text: string): Generator<Line> {
  let cells: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    const cell = new CellText(PREVIEW.cell);
    const isQuoted = text[at] === '"';
    let isOpen = false;
    if (isQuoted) {
      const end = readQuoted(text, at + 1, cell);
      isOpen = end === undefined;
      at = end ?? text.length;
    }
    const end = endOfPlain(text, at);
    cell.add(text, at, end);
    const shown = cell.text(isOpen);
    cells.push(shown === "" && !isQuoted ? null : shown);
    at = end;
    if (text[at] === ",") {
      at++;
      if (at < text.length) continue;
      cells.push(null);
    }
    const hasEnd = at < text.length;
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    yield { cells, isOpen: !hasEnd };
    cells = [];
  }
}

/**
 * Reads to the quote that ends a cell.
 * @returns The offset after it; undefined if the text ends before.
 */
function readQuoted(text: string, start: number, cell: CellText): number | undefined {
  for (let at = start; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      cell.add(text, at);
      return undefined;
    }
    cell.add(text, at, quote);
    if (text[quote + 1] !== '"') return quote + 1;
    cell.add('"');
    at = quote + 2;
  }
}

/** Returns the end of an unquoted cell. */
function endOfPlain(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") at++;
  return at;
}
