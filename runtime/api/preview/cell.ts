/** Limits of a preview. */
export const PREVIEW = {
  /** Bytes of a result that are decompressed and read. */
  bytes: 1024 * 1024,
  /** Characters of a cell or column name; longer ones end in an ellipsis. */
  cell: 1_000,
  /** Columns; further ones are only counted. */
  columns: 200,
} as const;

/** A row of the result: cells with their column names, in order. Names may repeat. */
export interface Row {
  names: readonly string[];
  cells: readonly (string | null)[];
  /** True if the part of the result that was read ends within this row. */
  isOpen: boolean;
}

/** Collects the text of a cell up to its maximum. */
export class CellText {
  /** Marks the end of a truncated cell, and a cell that was not reached. */
  static readonly ELLIPSIS = "…";
  readonly #maxLength: number;
  #text = "";

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** True if the cell is longer than its maximum. */
  get isTooLong(): boolean {
    return this.#text.length > this.#maxLength;
  }

  /** Appends `text` from `start` to `end`. */
  add(text: string, start = 0, end = text.length): void {
    if (!this.isTooLong) this.#text += text.slice(start, Math.min(end, start + this.#maxLength + 1));
  }

  /**
   * Returns the cell as shown.
   * @param isOpen - True if the end of the cell is unknown.
   */
  text(isOpen = false): string {
    if (!this.isTooLong) return isOpen ? this.#text + CellText.ELLIPSIS : this.#text;
    return this.#text.slice(0, this.#maxLength).toWellFormed() + CellText.ELLIPSIS;
  }
}
