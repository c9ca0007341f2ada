/** Formats cells of a result. A cell contains its value as text, with all digits. */

/** @typedef {(string | null)[]} Row */

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
/** Maximum number of decimals, and the maximum for a column whose numbers are all below 1. */
const MAX_DECIMALS = 2;
const SMALL_DECIMALS = 4;

/** Returns true if a column contains only numbers and nulls; codes with a leading zero are not numbers. @param {Row} values */
export const isNumeric = (values) =>
  values.some((value) => value !== null) && values.every((value) => value === null || NUMBER.test(value));

/** Returns the number of decimals for all numbers of a column, so that they align. @param {Row} values */
export function decimalsOf(values) {
  const numbers = values.filter((value) => value !== null);
  const decimals = Math.max(0, ...numbers.map((value) => (/\.(\d+)/.exec(value)?.[1] ?? "").length));
  const isSmall = numbers.length > 0 && numbers.every((value) => Math.abs(Number(value)) < 1);
  return Math.min(decimals, isSmall ? SMALL_DECIMALS : MAX_DECIMALS);
}

/**
 * Formats a number with thousands separators. Integers keep all digits; others are rounded.
 * @type {(text: string, decimals: number) => string}
 */
export function numberText(text, decimals) {
  if (/^-?\d+$/.test(text)) {
    const sign = text.startsWith("-") ? "-" : "";
    const groups = [];
    for (let end = text.length; end > sign.length; end -= 3)
      groups.push(text.slice(Math.max(sign.length, end - 3), end));
    const integer = sign + groups.reverse().join(",");
    return decimals === 0 ? integer : `${integer}.${"0".repeat(decimals)}`;
  }
  return Number(text).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/**
 * Sorts rows by a column, nulls last in both directions; without a sort returns them unchanged.
 * @type {(rows: readonly Row[], sort: { column: number, isDescending: boolean } | undefined, isNumber: (column: number) =>
 * boolean) => readonly Row[]}
 */
export function sorted(rows, sort, isNumber) {
  if (!sort) return rows;
  const { column, isDescending } = sort;
  const sign = isDescending ? -1 : 1;
  const compare = isNumber(column)
    ? (/** @type {string} */ a, /** @type {string} */ b) => Number(a) - Number(b)
    : (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted((rowA, rowB) => {
    const a = rowA[column] ?? null;
    const b = rowB[column] ?? null;
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * compare(a, b);
  });
}
