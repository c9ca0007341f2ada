import { NODE_BYTES } from "./cost.ts";

/**
 * Growth: maximum size of an expression's value, or of its text if that is longer, relative to its arguments. The
 * planner evaluates constant expressions, and keeps the memory that each step allocates.
 */

const withFactor = (factor: number, names: string) => names.split(/\s+/).map((name) => [name, factor] as const);

/** Growth of a function's value relative to its arguments; DEFAULT_FACTOR if not listed. */
const FACTORS: ReadonlyMap<string, number> = new Map([
  // encode writes a byte as \ooo; translate replaces a character of one byte by one of up to four.
  ...withFactor(4, "encode like_escape similar_to_escape translate"),
  // ΐ is three characters in upper case.
  ...withFactor(3, "upper lower initcap casefold"),
  // U+FDFA is 18 characters in NFKD.
  ...withFactor(12, "normalize"),
  // The pattern J becomes a day number of up to nine digits.
  ...withFactor(12, "to_char"),
  // An element of one byte takes eight in an array.
  ...withFactor(10, "string_to_array regexp_split_to_array regexp_match regexp_matches parse_ident array_positions"),
  // A control character is \u0001 in JSON.
  ...withFactor(
    6,
    `array_to_json json_build_array json_build_object json_extract_path json_object json_strip_nulls jsonb_build_array
      jsonb_build_object jsonb_concat jsonb_delete jsonb_extract_path jsonb_insert jsonb_object jsonb_set jsonb_set_lax
      jsonb_strip_nulls row_to_json to_json to_jsonb`,
  ),
]);
/** Bytes become two hexadecimal digits each as text, for example of convert_to; quote_literal doubles quotes. */
const DEFAULT_FACTOR = 2;

/** Longest text of a numeric: 131,072 digits before the decimal point and 16,383 after it. */
export const NUMERIC_BYTES = 150_000;
/** Functions whose result can be any numeric, however short their arguments are. */
const UNBOUNDED_NUMERICS = new Set(["power", "pow", "exp", "numeric"]);
/** Functions that take their result's scale as an argument. */
const SCALE_FUNCTIONS = new Set(["round", "trunc"]);
const MAX_SCALE = 16_384;
/** Growth of text whose numbers may have exponents: 1e131071. */
const EXPONENT_FACTOR = 16_384;

/**
 * Growth of jsonb and array literals: an element of two characters takes up to 16 bytes. The type json keeps its text.
 */
const CONTAINER_FACTOR = 8;
const CONTAINER_TYPES = /^(?:jsonb|jsonpath|.*range)$/;

/** Growth of rows and arrays as text: quotes in quotes are doubled. */
export const QUOTING_FACTOR = 2;
/** Growth of JSON constructors. */
export const JSON_FACTOR = 6;

/** Returns the bytes of a literal with its exponents expanded, for any type of cast. */
export function literalBytes(text: string): number {
  let bytes = Buffer.byteLength(text);
  for (const [, sign, digits = ""] of text.matchAll(/[0-9.][eE]([+-]?)([0-9_]{1,20})/g)) {
    const exponent = Number(digits.replaceAll("_", ""));
    bytes += Math.min(exponent, sign === "-" ? MAX_SCALE : NUMERIC_BYTES);
  }
  return bytes;
}

/** Size of an argument, and its text if it is a literal. */
export interface Argument {
  readonly bytes: number;
  readonly text: string | undefined;
}

/** Returns the maximum bytes of the value of a function of constants. */
export function callBytes(name: string, args: readonly Argument[]): number {
  const argumentBytes = args.reduce((bytes, argument) => bytes + argument.bytes, NODE_BYTES);
  if (UNBOUNDED_NUMERICS.has(name)) return argumentBytes + NUMERIC_BYTES;
  if (SCALE_FUNCTIONS.has(name) && args.length > 1) return argumentBytes + MAX_SCALE;
  if (name === "concat_ws") return DEFAULT_FACTOR * (argumentBytes + (args[0]?.bytes ?? 0) * args.length);
  // Each level of nesting is indented by four spaces more.
  if (name === "jsonb_pretty") return argumentBytes * argumentBytes;
  if (name.startsWith("jsonb_path_")) return pathBytes(argumentBytes, args[1]?.text);
  return argumentBytes * (FACTORS.get(name) ?? DEFAULT_FACTOR);
}

/**
 * Returns the maximum bytes that a JSON path can select: `**` selects all values of every level, keyvalue() an object
 * per member; number() and decimal() expand exponents in strings.
 */
export function pathBytes(bytes: number, path: string | undefined): number {
  if (path === undefined) return Number.POSITIVE_INFINITY;
  const count = (part: RegExp) => [...path.matchAll(part)].length;
  const numbers = count(/number|decimal|bigint|double/g) > 0 ? EXPONENT_FACTOR : 1;
  return bytes ** (1 + count(/\*\*/g)) * 12 ** count(/keyvalue/g) * numbers * JSON_FACTOR;
}

/**
 * Returns the maximum bytes of a cast value.
 * @param bytes size of the value
 * @param type name of the type
 * @param isArray true for an array of that type
 * @param isLiteral true for a literal, whose exponents `literalBytes` has expanded, or an array of literals
 */
export function castBytes(bytes: number, type: string, isArray: boolean, isLiteral: boolean): number {
  if (isArray || CONTAINER_TYPES.test(type)) return bytes * (isLiteral ? CONTAINER_FACTOR : EXPONENT_FACTOR);
  if (type === "numeric" && !isLiteral) return bytes + NUMERIC_BYTES;
  return type === "bytea" ? bytes * 2 : bytes;
}
