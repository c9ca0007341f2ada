import pg from "pg";
import { INPUT } from "../contract/inputLimits.ts";
import { isText } from "../contract/inspect.ts";

/** JSON value of a parameter. */
export type ParamValue = string | number | boolean | readonly string[];

interface TypeRules {
  /** SQL type of the literal. */
  sql: string;
  /** Returns true for a valid JSON value. */
  isValid(value: unknown): boolean;
  /** Requirement, in words that follow "must be". */
  expected: string;
}

const { text: MAX_TEXT, items: MAX_ITEMS, itemText: MAX_ITEM_TEXT } = INPUT.params;

/** The types a parameter can have. */
export const PARAM_TYPES = {
  text: {
    sql: "text",
    isValid: (value) => isText(value) && (value as string).length <= MAX_TEXT,
    expected: `text of at most ${MAX_TEXT.toLocaleString("en")} characters, without NUL characters or halves of surrogate pairs`,
  },
  place: {
    sql: "text",
    isValid: (value) => isText(value) && (value as string).length <= INPUT.place,
    expected: `the code of a port or the slug of a region, of at most ${INPUT.place} characters`,
  },
  date: { sql: "date", isValid: isDate, expected: "a valid date (YYYY-MM-DD)" },
  integer: { sql: "integer", isValid: isInteger, expected: "a whole number from -2147483648 to 2147483647" },
  number: { sql: "double precision", isValid: Number.isFinite, expected: "a number" },
  boolean: { sql: "boolean", isValid: (value) => typeof value === "boolean", expected: "true or false" },
  "text[]": {
    sql: "text[]",
    isValid: (value) =>
      Array.isArray(value) &&
      value.length <= MAX_ITEMS &&
      value.every((item) => isText(item) && (item as string).length <= MAX_ITEM_TEXT),
    expected: `a list of at most ${MAX_ITEMS.toLocaleString("en")} texts of at most ${MAX_ITEM_TEXT} characters, without NUL characters or halves of surrogate pairs`,
  },
} as const satisfies Record<string, TypeRules>;

export type ParamType = keyof typeof PARAM_TYPES;

/** Returns the problem of a value that is not of the type ("must be …"), or undefined. */
export function checkValue(type: ParamType, value: unknown): string | undefined {
  return PARAM_TYPES[type].isValid(value) ? undefined : `must be ${PARAM_TYPES[type].expected}.`;
}

/** Formats a value as an SQL literal of its type. COPY takes no bind parameters, so values are part of the text. */
export function literal(type: ParamType, value: ParamValue | null): string {
  const { sql } = PARAM_TYPES[type];
  if (value === null) return `null::${sql}`;
  if (typeof value === "object") return `array[${value.map((item) => pg.escapeLiteral(item)).join(", ")}]::${sql}`;
  return `${pg.escapeLiteral(String(value))}::${sql}`;
}

function isDate(value: unknown): boolean {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d$/.test(value) || value.startsWith("0000")) return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  // Date.parse refuses an invalid day, or returns one of the next month.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
}

function isInteger(value: unknown): boolean {
  return typeof value === "number" && value === (value | 0);
}
