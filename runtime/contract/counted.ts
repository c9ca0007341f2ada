/**
 * Formats a count with its noun: "1 row", "1,200 rows".
 * @param noun in the singular; its plural ends in -s
 */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
