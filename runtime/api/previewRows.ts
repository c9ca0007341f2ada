import { constants, gunzipSync } from "node:zlib";

/** The beginning of a result as a table. */
export interface Preview {
  columns: string[];
  rows: (string | null)[][];
  /** Whether there is more than this. */
  more: boolean;
}

/** What is known of the bytes. */
export interface Piece {
  format: "csv" | "ndjson" | "json";
  gzip: boolean;
  /** Whether these are all there are; else the last row is not to be trusted. */
  whole: boolean;
  /** Rows wanted at most. */
  rows: number;
}

/** Reads the first rows out of a result's first bytes. What cannot be read is left out: it is a look, not the result. */
export function previewOf(bytes: Buffer, { format, gzip, whole, rows }: Piece): Preview {
  const text = (gzip ? unpacked(bytes) : bytes).toString("utf8");
  const { head, body } = format === "csv" ? csv(text, whole, rows) : objects(text, format, whole, rows);
  return { columns: head, rows: body.slice(0, rows), more: !whole || body.length > rows };
}

/** As much as can be unpacked of a stream that may be cut off. */
const unpacked = (bytes: Buffer) => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });

/** Fields of a CSV as our runners write it: quoted where they need to be, an unquoted empty one is null. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\n\r]*))(,|\r?\n|$)/y;

function csv(text: string, whole: boolean, most: number): { head: string[]; body: (string | null)[][] } {
  const lines: (string | null)[][] = [];
  let line: (string | null)[] = [];
  FIELD.lastIndex = 0;
  // One row more than is wanted tells whether there are more.
  while (FIELD.lastIndex < text.length && lines.length <= most + 1) {
    const found = FIELD.exec(text);
    if (!found) break;
    const [, quoted, plain = "", end] = found;
    line.push(quoted?.replaceAll('""', '"') ?? (plain === "" ? null : plain));
    if (end === ",") continue;
    // Where the text is cut off, so may this row be.
    if (end !== "" || whole) lines.push(line);
    line = [];
  }
  const [head = [], ...body] = lines;
  return { head: head.map((name) => name ?? ""), body };
}

function objects(
  text: string,
  format: "ndjson" | "json",
  whole: boolean,
  most: number,
): { head: string[]; body: (string | null)[][] } {
  const found = format === "json" && whole ? list(text) : lines(text, most + 1);
  const head = [...new Set(found.flatMap((one) => Object.keys(one)))];
  return { head, body: found.map((one) => head.map((name) => shown(one[name]))) };
}

function list(text: string): Record<string, unknown>[] {
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** One object a line; of a JSON array too, as the runners write it: each row on a line behind its comma. */
function lines(text: string, most: number): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  for (const line of text.split("\n")) {
    if (found.length >= most) break;
    try {
      const value: unknown = JSON.parse(line.trim().replace(/^[[,]|[\],]+$/g, ""));
      if (isObject(value)) found.push(value);
    } catch {
      // cut off, or nothing but a bracket
    }
  }
  return found;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
const shown = (value: unknown): string | null =>
  value === null || value === undefined ? null : typeof value === "object" ? JSON.stringify(value) : String(value);
