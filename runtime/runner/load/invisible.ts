/**
 * Characters that cannot be seen, or look like a plain space: controls, no-break and other wide or narrow spaces, zero
 * width characters, direction marks, fillers, variation selectors, the byte order mark and tags. Ranges of code points.
 */
const INVISIBLE: readonly (readonly [number, number])[] = [
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
const SPACE = 0x20;

const hex = (code: number, digits: number) => code.toString(16).toUpperCase().padStart(digits, "0");
const inUnicodePattern = (code: number) => `\\u{${hex(code, 1)}}`;
/** Postgres text holds no NUL: its first character is 1. */
const inSqlPattern = (code: number) => `\\U${hex(Math.max(1, code), 8)}`;

const PATTERN = new RegExp(
  `[${INVISIBLE.map(([first, last]) => `${inUnicodePattern(first)}-${inUnicodePattern(last)}`).join("")}]`,
  "gu",
);

/** A bracket expression of Postgres that matches one invisible character, without its brackets. */
const SQL_RANGES = INVISIBLE.map(([first, last]) => `${inSqlPattern(first)}-${inSqlPattern(last)}`).join("");

/** Replaces each invisible character with its escape: `\u200B`, or `\u{E0020}` beyond four digits. */
export const escapeInvisible = (text: string): string =>
  text.replace(PATTERN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
  });

/** SQL: whether a text has a character that cannot be seen, or a space. */
export const hasInvisibleOrSpace = (text: string): string => `${text} ~ '[${inSqlPattern(SPACE)}${SQL_RANGES}]'`;

/** SQL: a text with its invisible characters as escapes, as `escapeInvisible` writes them. */
export const escapedInSql = (text: string): string => `case when ${text} !~ '[${SQL_RANGES}]' then ${text} else (
  select string_agg(case
    when character !~ '[${SQL_RANGES}]' then character
    when ascii(character) > 65535 then '\\u{' || upper(to_hex(ascii(character))) || '}'
    else '\\u' || lpad(upper(to_hex(ascii(character))), 4, '0') end, '' order by place)
  from string_to_table(${text}, null) with ordinality characters(character, place)) end`;
