/** Matches text that a spreadsheet may run as a formula; also signed numbers. Valid in Postgres too. */
export const FORMULA_START = /^[=+@\s\uFF1D\uFF0B\uFF0D\uFF20-]/;
/** Matches plain numbers, which are not formulas. Valid in Postgres too. */
export const PLAIN_NUMBER = /^[+-]?[0-9]+([.][0-9]+)?$/;

/** Puts ' before a text that a spreadsheet would run as a formula. */
export const markFormula = (text: string): string =>
  FORMULA_START.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
