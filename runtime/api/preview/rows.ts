import { once } from "node:events";
import { createGunzip } from "node:zlib";
import { CellText, PREVIEW, type Row } from "./cell.ts";
import { csvRows } from "./csv.ts";
import { jsonRows } from "./json.ts";

/** The beginning of a result as a table. */
export interface Preview {
  columns: string[];
  rows: (string | null)[][];
  /** Whether there is more than this. */
  more: boolean;
  /** Columns that are left out; absent if there are none. */
  furtherColumns?: number;
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

/**
 * Reads the first rows out of a result's first bytes, in linear time and bounded memory. Numbers are shown digit for digit.
 * What cannot be read is left out: it is a look, not the result. The last row of a piece that was cut off is shown only
 * where it is the first, so that a result of one long row has a preview too.
 */
export async function previewOf(bytes: Buffer, { format, gzip, whole, rows: most }: Piece): Promise<Preview> {
  const read = gzip
    ? await unpacked(bytes)
    : { bytes: bytes.subarray(0, PREVIEW.bytes), whole: bytes.length <= PREVIEW.bytes };
  const isWhole = whole && read.whole;
  const text = new TextDecoder().decode(read.bytes, { stream: !isWhole });
  const { head, rows } = format === "csv" ? csvRows(text) : { head: [], rows: jsonRows(text) };
  const taken: Row[] = [];
  // One row more than is wanted tells whether there are more.
  for (const row of rows) {
    if (!row.isOpen || isWhole || taken.length === 0) taken.push(row);
    if (taken.length > most) break;
  }
  const columns = new Columns(head);
  const placed = taken.slice(0, most).map((row) => columns.place(row, row.isOpen && !isWhole));
  const shown = columns.names.slice(0, PREVIEW.columns);
  return {
    columns: shown,
    rows: placed.map((cells) => shown.map((_, index) => cells[index] ?? null)),
    more: !isWhole || taken.length > most,
    ...(columns.count > shown.length ? { furtherColumns: columns.count - shown.length } : {}),
  };
}

/** The columns of all rows, in the order of their appearance; a name that a row has twice is two columns. */
class Columns {
  readonly names: string[] = [];
  count = 0;
  readonly #places = new Map<string, number>();

  constructor(head: readonly string[]) {
    for (const [name, occurrence] of occurrences(head)) this.#placeOf(name, occurrence);
  }

  /** A row's cells in the places of their columns. @param isOpen cells that the text does not reach are unknown, not null */
  place({ names, cells }: Row, isOpen: boolean): (string | null)[] {
    const placed: (string | null)[] = [];
    let index = 0;
    for (const [name, occurrence] of occurrences(names)) {
      const place = this.#placeOf(name, occurrence);
      if (place < PREVIEW.columns) placed[place] = cells[index] ?? null;
      index++;
    }
    if (isOpen)
      for (let place = 0; place < Math.min(this.count, PREVIEW.columns); place++)
        if (!(place in placed)) placed[place] = CellText.CUT;
    return placed;
  }

  #placeOf(name: string, occurrence: number): number {
    const key = `${occurrence} ${name}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.count++;
    this.#places.set(key, place);
    if (place < PREVIEW.columns) this.names.push(name);
    return place;
  }
}

/** Names with the number of equal ones before them. */
function* occurrences(names: readonly string[]): Generator<[name: string, occurrence: number]> {
  const seen = new Map<string, number>();
  for (const name of names) {
    const occurrence = seen.get(name) ?? 0;
    seen.set(name, occurrence + 1);
    yield [name, occurrence];
  }
}

/** As much as can be unpacked of a stream that may be cut off or damaged, up to `PREVIEW.bytes`. */
async function unpacked(bytes: Buffer): Promise<{ bytes: Buffer; whole: boolean }> {
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
  // The end of a piece that was cut off.
  gunzip.on("error", () => undefined);
  gunzip.end(bytes);
  await ended.catch(() => undefined);
  return { bytes: Buffer.concat(chunks).subarray(0, PREVIEW.bytes), whole: isWhole && size <= PREVIEW.bytes };
}
