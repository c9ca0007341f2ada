/** Cells of a result as people read them. A cell is text as it is in the result, digit for digit. */

/** @typedef {(string | null)[]} Row */

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
/** Decimals that are shown at most, and of numbers below 1. */
const MOST_DECIMALS = 2;
const SMALL_DECIMALS = 4;

/** Whether a column is one of numbers; codes with a leading zero are not. @param {Row} values */
export const isNumeric = (values) =>
  values.some((value) => value !== null) && values.every((value) => value === null || NUMBER.test(value));

/** How many decimals all numbers of a column are shown with, so that they align. @param {Row} values */
export function decimalsOf(values) {
  const given = values.filter((value) => value !== null);
  const decimals = Math.max(0, ...given.map((value) => (/\.(\d+)/.exec(value)?.[1] ?? "").length));
  const isSmall = given.length > 0 && given.every((value) => Math.abs(Number(value)) < 1);
  return Math.min(decimals, isSmall ? SMALL_DECIMALS : MOST_DECIMALS);
}

/** A number with separators: whole ones keep all digits, others are rounded. @type {(text: string, decimals: number) => string} */
export function numberText(text, decimals) {
  if (/^-?\d+$/.test(text)) {
    const sign = text.startsWith("-") ? "-" : "";
    const groups = [];
    for (let end = text.length; end > sign.length; end -= 3)
      groups.push(text.slice(Math.max(sign.length, end - 3), end));
    const whole = sign + groups.reverse().join(",");
    return decimals === 0 ? whole : `${whole}.${"0".repeat(decimals)}`;
  }
  return Number(text).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Rows sorted by a column, nulls last either way; without a sort as they are.
 * @type {(rows: readonly Row[], sort: { column: number, isDown: boolean } | undefined, isNumber: (column: number) => boolean) => readonly Row[]} */
export function sorted(rows, sort, isNumber) {
  if (!sort) return rows;
  const { column, isDown } = sort;
  const sign = isDown ? -1 : 1;
  const compare = isNumber(column)
    ? (/** @type {string} */ a, /** @type {string} */ b) => Number(a) - Number(b)
    : (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted((one, other) => {
    const a = one[column] ?? null;
    const b = other[column] ?? null;
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * compare(a, b);
  });
}
