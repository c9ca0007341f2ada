import { MAX_BYTES } from "./cost.ts";
import { literalNumber, type TypedNode } from "./tree.ts";

/**
 * Time that evaluating an expression can take, in steps of a few nanoseconds. Postgres checks for interrupts between
 * rows, not inside most functions: a long call outlives the statement timeout and a cancel. Expressions of constants
 * are evaluated while planning, in sessions that all callers share.
 */

const wordSet = (names: string): ReadonlySet<string> => new Set(names.split(/\s+/));

/** Functions that compare each part of one argument with each part of another, without checking for interrupts. */
const PRODUCT_FUNCTIONS = wordSet(
  `btrim jsonb_contains jsonb_delete ltrim position replace rtrim split_part string_to_array string_to_table strpos
    translate`,
);
/** Operators that do the same: LIKE, containment and overlap of arrays and JSON, and removal of JSON keys (-). */
const PRODUCT_OPERATORS = wordSet("~~ !~~ ~~* !~~* @> <@ && ?| ?& -");
/** Functions that sort their argument by insertion, or move the rest of it at each character. */
const QUADRATIC_FUNCTIONS = wordSet("normalize is_normalized parse_ident");
/** Arithmetic whose time grows with the product of the numbers' digits. */
const ARITHMETIC = wordSet("* / % ^ div exp gcd lcm ln log mod pow power sqrt |/");
/** Digits of such a number that one step handles. */
const DIGITS_PER_STEP = 16;
/** Steps per byte of everything else. */
const STEPS_PER_BYTE = 4;
/**
 * Bytes up to which the shorter argument may be combined with a longer one of any length: an array or document, a text,
 * and a constant text.
 */
const SHORT_BYTES = 256;
const SHORT_TEXT = 128;
const SHORT_CONSTANT = 40;
/** Members of PRODUCT_FUNCTIONS and PRODUCT_OPERATORS that take texts. */
const TEXT_PRODUCTS = wordSet(
  "btrim ltrim position replace rtrim split_part string_to_array string_to_table strpos translate ~~ !~~ ~~* !~~*",
);
/**
 * Bytes of a base up to which a logarithm takes milliseconds: a base close to 1 takes time quadratic in its digits.
 */
const LONG_BASE = 500;

/** Returns true for functions with quadratic run time. */
export const isQuadratic = (name: string): boolean => QUADRATIC_FUNCTIONS.has(name);

/**
 * Returns the steps that a function or an operator takes between two checks for interrupts.
 * @param name name of the function or operator
 * @param sizes bytes of the arguments; Infinity if an aggregate or a recursion builds one
 * @param constant bytes of the longest constant among the arguments
 */
export function uninterruptedSteps(name: string, sizes: readonly number[], constant = 0): number {
  const [first = 0, second = 0] = [...sizes].sort((a, b) => b - a);
  if (QUADRATIC_FUNCTIONS.has(name)) return first * first;
  const shortText = constant === second ? SHORT_CONSTANT : SHORT_TEXT;
  const short = TEXT_PRODUCTS.has(name) ? shortText : SHORT_BYTES;
  return (PRODUCT_FUNCTIONS.has(name) || PRODUCT_OPERATORS.has(name)) && second > short ? first * second : 0;
}

/** Returns true if a logarithm's base can be so near to 1 that computing it takes seconds to minutes. */
export const isLongLogarithm = (name: string, sizes: readonly number[]): boolean =>
  name === "log" && sizes.length > 1 && (sizes[0] ?? 0) > LONG_BASE;

/** Returns the bytes of all arguments of a call; an unbounded value counts as MAX_BYTES. */
export const handledBytes = (sizes: readonly number[]): number =>
  sizes.reduce((total, size) => total + Math.min(size, MAX_BYTES), 0);

/** Functions whose result can have all of numeric's digits, however short their arguments are. */
const POWERS = wordSet("^ exp pow power");
/** Exponents up to which the time is negligible. */
const SMALL_EXPONENT = 1_000;
/**
 * Steps that a power of constants counts as. The slowest one found takes 0.7 s on an idle machine (Postgres 18), without
 * checking for interrupts: a statement has at most four.
 */
export const POWER_STEPS = 20_000_000;

/** Returns true if a power can have thousands of digits: its exponent is not a small literal. */
export function isLongPower(name: string, exponent: TypedNode | undefined): boolean {
  const value = literalNumber(exponent);
  return POWERS.has(name) && (value === undefined || value > SMALL_EXPONENT);
}

/** Digits above which products and quotients take a tenth of a second or more. */
const LONG_NUMBER = 50_000;

/** Returns the time of arithmetic per row, as the number of bytes whose copying takes as long. */
export function arithmeticWork(name: string, sizes: readonly number[], isLong: boolean): number {
  if (isLong) return MAX_BYTES / 2;
  return ARITHMETIC.has(name) && Math.max(...sizes) > LONG_NUMBER ? MAX_BYTES / 4 : 0;
}

/** Returns the steps of evaluating a function or an operator of constants. */
export function constantSteps(name: string, sizes: readonly number[], resultBytes: number): number {
  const [first = 0, second = first] = [...sizes].sort((a, b) => b - a);
  const arithmetic = ARITHMETIC.has(name) ? (first / DIGITS_PER_STEP) * (second / DIGITS_PER_STEP) : 0;
  const bytes = sizes.reduce((total, size) => total + size, resultBytes);
  return bytes * STEPS_PER_BYTE + arithmetic + uninterruptedSteps(name, sizes);
}

/** Functions with small results for arguments of any size. */
const SMALL_RESULTS = wordSet(
  `array_length array_lower array_ndims array_position array_upper ascii avg bit_count bit_length cardinality char_length
    character_length count crc32 crc32c cume_dist date_part dense_rank extract get_bit get_byte is_normalized isempty
    json_array_length json_typeof jsonb_array_length jsonb_contains jsonb_typeof length lower_inf md5 ntile num_nonnulls
    num_nulls octet_length percent_rank position rank regexp_count regexp_instr regexp_like row_number sha224 sha256 sha384
    sha512 starts_with strpos sum to_date to_timestamp upper_inf width_bucket`,
);
const SMALL_RESULT_BYTES = 64;
/** Functions that collect values of many rows in one. */
const COLLECTING_AGGREGATES = /^(?:string_agg|(?:array|range|json|jsonb)_agg|jsonb?_(?:object_)?agg.*)$/;

/**
 * Returns the bytes of a function's value while the query runs.
 * @param grownBytes bound computed from its arguments
 */
export function resultSize(name: string, grownBytes: number): number {
  if (COLLECTING_AGGREGATES.test(name)) return Number.POSITIVE_INFINITY;
  return SMALL_RESULTS.has(name) ? SMALL_RESULT_BYTES : grownBytes;
}
