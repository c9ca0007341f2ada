/**
 * Characters that cannot be seen, or look like a plain space: controls, no-break and other wide or narrow spaces, zero
 * width characters, direction marks, fillers, variation selectors, the byte order mark and tags. Ranges of code points.
 */
export const INVISIBLE: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

const hex = (code: number, digits: number) => code.toString(16).toUpperCase().padStart(digits, "0");
const inPattern = (code: number) => `\\u{${hex(code, 1)}}`;
const PATTERN = new RegExp(
  `[${INVISIBLE.map(([first, last]) => `${inPattern(first)}-${inPattern(last)}`).join("")}]`,
  "gu",
);

/** Escape of an invisible character: `\u200B`, or `\u{E0020}` beyond four digits. */
function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
}

/** Replaces each invisible character with its escape. */
export const escapeInvisible = (text: string): string => text.replace(PATTERN, escapeOf);

/** The same for text of several lines: tabs and line ends stay. */
export const escapeInvisibleInText = (text: string): string =>
  text.replace(PATTERN, (character) => (TEXT_WHITE.includes(character) ? character : escapeOf(character)));
const TEXT_WHITE = "\t\n\r";
