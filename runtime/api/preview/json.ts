import { CellText, PREVIEW, type Row } from "./cell.ts";

const ESCAPES: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const SPACES = new Set([" ", "\t", "\r", "\n"]);

/**
 * Reads the objects of a JSON list or of JSON lines. Values are sliced from the text, so that numbers keep their digits
 * and a duplicate name keeps both values. Not recursive: values may nest deeply.
 */
export function* jsonRows(text: string): Generator<Row> {
  let at = 0;
  while (at < text.length) {
    if (text[at] === "{") {
      const { row, end } = readObject(text, at + 1);
      yield row;
      at = end;
    } else if (text[at] === '"') at = endOfString(text, at + 1) ?? text.length;
    else at++;
  }
}

function readObject(text: string, start: number): { row: Row; end: number } {
  const names: string[] = [];
  const cells: (string | null)[] = [];
  const ended = (end: number | undefined) => ({
    row: { names, cells, isOpen: end === undefined },
    end: end ?? text.length,
  });
  let at = start;
  for (;;) {
    while (at < text.length && text[at] !== '"' && text[at] !== "}") at++;
    if (at >= text.length) return ended(undefined);
    if (text[at] === "}") return ended(at + 1);
    const nameEnd = endOfString(text, at + 1);
    if (nameEnd === undefined) return ended(undefined);
    const name = stringText(text, at + 1, nameEnd - 1);
    at = skipSpaces(text, nameEnd);
    // This is not an object: the name has no colon.
    if (text[at] !== ":") return ended(at < text.length ? at : undefined);
    at = skipSpaces(text, at + 1);
    if (at >= text.length) return ended(undefined);
    const end = endOfValue(text, at);
    names.push(name);
    cells.push(cellOf(text, at, end ?? text.length, end === undefined));
    if (end === undefined) return ended(undefined);
    at = end;
  }
}

function cellOf(text: string, start: number, end: number, isOpen: boolean): string | null {
  if (text[start] === '"') return stringText(text, start + 1, isOpen ? end : end - 1, isOpen);
  const cell = new CellText(PREVIEW.cell);
  cell.add(text, start, end);
  const shown = cell.text(isOpen);
  return shown === "null" ? null : shown;
}

/** Decodes a string, up to a cell's maximum. */
function stringText(text: string, start: number, end: number, isOpen = false): string {
  const cell = new CellText(PREVIEW.cell);
  let at = start;
  while (at < end && !cell.isTooLong) {
    const backslash = text.indexOf("\\", at);
    const stop = backslash < 0 || backslash > end ? end : backslash;
    cell.add(text, at, stop);
    if (stop === end) break;
    const escaped = text[stop + 1] ?? "";
    if (escaped === "u") {
      cell.add(String.fromCharCode(Number.parseInt(text.slice(stop + 2, stop + 6), 16)));
      at = stop + 6;
    } else {
      cell.add(ESCAPES[escaped] ?? escaped);
      at = stop + 2;
    }
  }
  return cell.text(isOpen).toWellFormed();
}

/** Returns the offset after a string's closing quote; undefined if the text ends before. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

/** Returns the offset after a value; undefined if the text ends before or with it. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at + 1);
      if (end === undefined) return undefined;
      if (depth === 0) return end;
      at = end - 1;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      if (depth === 0) return at;
      depth--;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (character === "," || SPACES.has(character ?? ""))) return at;
  }
  return undefined;
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (SPACES.has(text[at] ?? "")) at++;
  return at;
}
