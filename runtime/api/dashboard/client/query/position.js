/** Returns the position in SQL that a message contains; undefined if it contains none. @param {string} message */
export function positionOf(message) {
  const [, line, column] = /line (\d+), column (\d+)/.exec(message) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}

/**
 * Returns the offset of a position in UTF-16 code units, as the browser counts. Columns count code points.
 * @type {(text: string, at: { line: number, column: number }) => number}
 */
export function offsetOf(text, { line, column }) {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
}
