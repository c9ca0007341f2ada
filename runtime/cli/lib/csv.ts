import { FORMULA_START } from "../../contract/formula.ts";

/** Formats a line of CSV. Cells that a spreadsheet would treat as a formula are marked as text. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(csvCell).join(",")}\r\n`;

function csvCell(value: string): string {
  const safe = FORMULA_START.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
