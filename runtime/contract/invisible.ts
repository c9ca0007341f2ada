/** Ranges of code points, first and last inclusive. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/**
 * Invisible characters, some of which terminals interpret, as ranges of code points: controls except tab and line feed,
 * soft hyphen, zero width characters, direction marks, fillers, variation selectors, the byte order mark and tags.
 */
const INVISIBLE_CODES: Ranges = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

/** Tab, line feed, and characters that look like a plain space. */
const SPACES: Ranges = [
  [0x09, 0x0a],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
];

/** Halves of surrogate pairs, replacement characters, and code points without a character. */
const NO_CHARACTERS: Ranges = [
  [0xd800, 0xdfff],
  [0xfff0, 0xfff8],
  [0xfffc, 0xffff],
];

const sortedRanges = (...tables: Ranges[]): Ranges => tables.flat().toSorted(([first], [second]) => first - second);

/** Characters that a value must not contain, since they are invisible or look like a plain space. */
export const INVISIBLE: Ranges = sortedRanges(INVISIBLE_CODES, SPACES);

/** Code points that a terminal must not receive, since they are invisible or show no character of their own. */
export const HIDDEN_IN_TERMINALS: Ranges = sortedRanges(INVISIBLE_CODES, NO_CHARACTERS);

const hex = (code: number, digits: number) => code.toString(16).toUpperCase().padStart(digits, "0");
const patternEscape = (code: number) => `\\u{${hex(code, 1)}}`;

/** Returns a pattern that matches each character of the ranges. */
export const patternOf = (ranges: Ranges): RegExp =>
  new RegExp(`[${ranges.map(([first, last]) => `${patternEscape(first)}-${patternEscape(last)}`).join("")}]`, "gu");

const PATTERN = patternOf(INVISIBLE);

/** Returns the escape of an invisible character: `\u200B`, or `\u{E0020}` beyond four digits. */
function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
}

/** Replaces each character of `INVISIBLE` with its escape. */
export const escapeInvisible = (text: string): string => text.replace(PATTERN, escapeOf);

/** Replaces each character of `INVISIBLE` with its escape, except tabs and line ends: for multi-line text. */
export const escapeInvisibleInText = (text: string): string =>
  text.replace(PATTERN, (character) => (TEXT_WHITESPACE.includes(character) ? character : escapeOf(character)));
const TEXT_WHITESPACE = "\t\n\r";
