/** Returns the position in SQL that a message contains. @param {string} message */
export function positionOf(message) {
  const [, line, column] = /line (\d+), column (\d+)/.exec(message) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}
