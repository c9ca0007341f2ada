/** Maximums of a preview. */
export const PREVIEW = {
  /** What is unpacked and read of a result. Bytes. */
  bytes: 1024 * 1024,
  /** A cell, or a column's name; a longer one ends in an ellipsis. Characters. */
  cell: 1_000,
  columns: 200,
} as const;

/** A row of the result's text: its cells with their columns' names, in order; names may repeat. */
export interface Row {
  names: readonly string[];
  cells: readonly (string | null)[];
  /** Whether the text ends before the row does. */
  isOpen: boolean;
}

/** Text of a cell, collected piece by piece; what is over its maximum is not kept. */
export class CellText {
  /** The end of a cell that was cut, and what stands for a cell that was not reached. */
  static readonly CUT = "…";
  readonly #most: number;
  #text = "";

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#text.length > this.#most;
  }

  /** Adds `text` from `start` to `end`. */
  add(text: string, start = 0, end = text.length): void {
    if (!this.isFull) this.#text += text.slice(start, Math.min(end, start + this.#most + 1));
  }

  /** The cell as it is shown. @param isOpen whether its end is unknown */
  shown(isOpen = false): string {
    if (!this.isFull) return isOpen ? this.#text + CellText.CUT : this.#text;
    return this.#text.slice(0, this.#most).toWellFormed() + CellText.CUT;
  }
}
