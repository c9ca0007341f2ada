import { INVISIBLE } from "../../contract/invisible.ts";

const SPACE = 0x20;

const hex = (code: number) => code.toString(16).toUpperCase().padStart(8, "0");
/** Postgres text cannot contain NUL, so ranges begin at 1. */
const inSqlPattern = (code: number) => `\\U${hex(Math.max(1, code))}`;

/** A bracket expression of Postgres that matches one invisible character, without its brackets. */
const SQL_RANGES = INVISIBLE.map(([first, last]) => `${inSqlPattern(first)}-${inSqlPattern(last)}`).join("");

/** Returns an SQL condition that is true for a text with an invisible character or a space. */
export const hasInvisibleOrSpace = (text: string): string => `${text} ~ '[${inSqlPattern(SPACE)}${SQL_RANGES}]'`;

/** Returns SQL for a text with its invisible characters as escapes, as `escapeInvisible` writes them. */
export const escapedInSql = (text: string): string => `case when ${text} !~ '[${SQL_RANGES}]' then ${text} else (
  select string_agg(case
    when character !~ '[${SQL_RANGES}]' then character
    when ascii(character) > 65535 then '\\u{' || upper(to_hex(ascii(character))) || '}'
    else '\\u' || lpad(upper(to_hex(ascii(character))), 4, '0') end, '' order by place)
  from string_to_table(${text}, null) with ordinality characters(character, place)) end`;
