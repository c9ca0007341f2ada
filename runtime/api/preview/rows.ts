import { once } from "node:events";
import { createGunzip } from "node:zlib";
import { CellText, PREVIEW, type Row } from "./cell.ts";
import { csvRows } from "./csv.ts";
import { jsonRows } from "./json.ts";

/** The beginning of a result as a table. */
export interface Preview {
  columns: string[];
  rows: (string | null)[][];
  /** True if the result has more rows. */
  more: boolean;
  /** Number of omitted columns; absent if 0. */
  furtherColumns?: number;
}

/** Describes the bytes that a preview is made from. */
export interface PreviewOptions {
  format: "csv" | "ndjson" | "json";
  isGzip: boolean;
  /** True if the bytes are the whole result; otherwise the last row may be truncated. */
  isWhole: boolean;
  maxRows: number;
}

/**
 * Reads the first rows from the first bytes of a result, in linear time and bounded memory. Numbers keep their digits.
 * Unreadable parts are omitted. The last row of truncated text is shown only if it is the first, so that a result of
 * one long row has a preview too.
 */
export async function previewOf(bytes: Buffer, options: PreviewOptions): Promise<Preview> {
  const { format, maxRows } = options;
  const content = options.isGzip
    ? await decompress(bytes)
    : { bytes: bytes.subarray(0, PREVIEW.bytes), isWhole: bytes.length <= PREVIEW.bytes };
  const isWhole = options.isWhole && content.isWhole;
  const text = new TextDecoder().decode(content.bytes, { stream: !isWhole });
  const { head, rows } = format === "csv" ? csvRows(text) : { head: [], rows: jsonRows(text) };
  const firstRows: Row[] = [];
  // One row beyond the maximum shows that the result has more.
  for (const row of rows) {
    if (!row.isOpen || isWhole || firstRows.length === 0) firstRows.push(row);
    if (firstRows.length > maxRows) break;
  }
  const columns = new Columns(head);
  const aligned = firstRows.slice(0, maxRows).map((row) => columns.alignCells(row, row.isOpen && !isWhole));
  const shown = columns.names.slice(0, PREVIEW.columns);
  return {
    columns: shown,
    rows: aligned.map((cells) => shown.map((_, index) => cells[index] ?? null)),
    more: !isWhole || firstRows.length > maxRows,
    ...(columns.count > shown.length ? { furtherColumns: columns.count - shown.length } : {}),
  };
}

/** Collects the columns of all rows in order of appearance; a name that a row has twice is two columns. */
class Columns {
  readonly names: string[] = [];
  count = 0;
  readonly #columns = new Map<string, number>();

  constructor(head: readonly string[]) {
    for (const [name, occurrence] of occurrences(head)) this.#columnOf(name, occurrence);
  }

  /**
   * Arranges a row's cells by column.
   * @param isOpen - True if the row is truncated: cells that the text does not reach are unknown, not null.
   */
  alignCells({ names, cells }: Row, isOpen: boolean): (string | null)[] {
    const aligned: (string | null)[] = [];
    let index = 0;
    for (const [name, occurrence] of occurrences(names)) {
      const column = this.#columnOf(name, occurrence);
      if (column < PREVIEW.columns) aligned[column] = cells[index] ?? null;
      index++;
    }
    if (isOpen)
      for (let column = 0; column < Math.min(this.count, PREVIEW.columns); column++)
        if (!(column in aligned)) aligned[column] = CellText.ELLIPSIS;
    return aligned;
  }

  #columnOf(name: string, occurrence: number): number {
    const key = `${occurrence} ${name}`;
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    const column = this.count++;
    this.#columns.set(key, column);
    if (column < PREVIEW.columns) this.names.push(name);
    return column;
  }
}

/** Pairs each name with the number of equal names before it. */
function* occurrences(names: readonly string[]): Generator<[name: string, occurrence: number]> {
  const seen = new Map<string, number>();
  for (const name of names) {
    const occurrence = seen.get(name) ?? 0;
    seen.set(name, occurrence + 1);
    yield [name, occurrence];
  }
}

/** Decompresses as much as possible of a truncated or damaged stream, up to `PREVIEW.bytes`. */
async function decompress(bytes: Buffer): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  const chunks: Buffer[] = [];
  let size = 0;
  let isWhole = false;
  const ended = once(gunzip, "close");
  gunzip.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > PREVIEW.bytes) gunzip.destroy();
  });
  gunzip.on("end", () => {
    isWhole = true;
  });
  // Truncated or damaged input is expected; the part before the error is used.
  gunzip.on("error", () => undefined);
  gunzip.end(bytes);
  await ended.catch(() => undefined);
  return { bytes: Buffer.concat(chunks).subarray(0, PREVIEW.bytes), isWhole: isWhole && size <= PREVIEW.bytes };
}
