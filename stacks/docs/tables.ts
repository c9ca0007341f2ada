import stringWidth from "string-width";

/**
 * Inserts generated text into a page, between `<!-- name: begin -->` and `<!-- name: end -->`.
 *
 * @param generators - Functions that return the text, by name.
 * @throws if the page lacks one of the two comments
 */
export function insertGenerated(page: string, generators: Readonly<Record<string, () => string>>): string {
  return Object.entries(generators).reduce((text, [name, generate]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`The page does not contain ${begin} or ${end}`);
    return `${before}${begin}\n\n${alignTables(generate())}\n\n${end}${after}`;
  }, page);
}

/** Removes a formatter's changes from a page's tables, for comparison. */
export const unformatted = (page: string): string => page.replace(/ *\| */g, "|").replace(/-{3,}/g, "---");

/**
 * Pads the cells of Markdown tables, so that columns are aligned in the source. Tables are lines that begin with `|`.
 */
export function alignTables(text: string): string {
  const lines = text.split("\n");
  for (let start = 0; start < lines.length; start++) {
    let end = start;
    while (lines[end]?.startsWith("|")) end++;
    if (end - start < 2) continue;
    lines.splice(start, end - start, ...alignCells(lines.slice(start, end)));
    start = end;
  }
  return lines.join("\n");
}

function alignCells(lines: readonly string[]): string[] {
  const rows = lines.map(cellsOf);
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(3, ...rows.map((row) => (isRule(row[column] ?? "") ? 3 : stringWidth(row[column] ?? "")))),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isRule(cell) ? "-".repeat(width) : cell + " ".repeat(width - stringWidth(cell));
    });
    return `| ${cells.join(" | ")} |`;
  });
}

const isRule = (cell: string) => cell.length >= 3 && cell === "-".repeat(cell.length);

/** Cells of a line, split at each `|` that is not escaped. */
function cellsOf(line: string): string[] {
  const cells = line.replaceAll("\\|", "\0").split("|").slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll("\0", "\\|"));
}
