/**
 * Time that evaluating an expression can take, in steps of a few nanoseconds. Postgres looks for an interruption between
 * rows, not inside most functions: a long step outlives the statement's time limit, and a cancel. Expressions of constants
 * are evaluated while planning, in sessions that all callers share.
 */

const setOf = (names: string): ReadonlySet<string> => new Set(names.split(/\s+/));

/** Functions that compare each part of one argument with each part of another, without looking for an interruption. */
const PRODUCTS = setOf(
  `btrim jsonb_contains jsonb_delete ltrim position replace rtrim split_part string_to_array string_to_table strpos
    translate`,
);
/** Operators that do so: LIKE, and containment and overlap of arrays and JSON. */
const PRODUCT_OPERATORS = setOf("~~ !~~ ~~* !~~* @> <@ && ?| ?& -");
/** Functions that sort their argument by insertion. */
const SQUARES = setOf("normalize is_normalized");
/** Arithmetic of long numbers: products of their digits, of which one step handles many. */
const ARITHMETIC = setOf("* / % ^ div exp gcd lcm ln log mod pow power sqrt |/");
const DIGITS_PER_STEP = 16;
/** Steps per byte of everything else. */
const STEPS_PER_BYTE = 4;
/** Bytes of an argument that is short enough beside one of any length. */
const SHORT = 256;

/** Returns true if `value.name` would call a function that takes long by itself. */
export const isSquare = (name: string): boolean => SQUARES.has(name);

/**
 * Longest uninterrupted run of a function or an operator.
 * @param name of the function or the operator
 * @param sizes bytes of the arguments; Infinity where an aggregate or a recursion builds one
 */
export function uninterruptedSteps(name: string, sizes: readonly number[]): number {
  const [first = 0, second = 0] = [...sizes].sort((a, b) => b - a);
  if (SQUARES.has(name)) return first * first;
  return (PRODUCTS.has(name) || PRODUCT_OPERATORS.has(name)) && second > SHORT ? first * second : 0;
}

/** Steps that evaluating a function or an operator of constants takes. */
export function constantSteps(name: string, sizes: readonly number[], resultBytes: number): number {
  const [first = 0, second = first] = [...sizes].sort((a, b) => b - a);
  const arithmetic = ARITHMETIC.has(name) ? (first / DIGITS_PER_STEP) * (second / DIGITS_PER_STEP) : 0;
  const bytes = sizes.reduce((total, size) => total + size, resultBytes);
  return bytes * STEPS_PER_BYTE + arithmetic + uninterruptedSteps(name, sizes);
}

/** Functions whose value has a small size, whatever their arguments have. */
const SMALL_RESULTS = setOf(
  `array_length array_lower array_ndims array_position array_upper ascii avg bit_count bit_length cardinality char_length
    character_length count crc32 crc32c cume_dist date_part dense_rank extract get_bit get_byte is_normalized isempty
    json_array_length json_typeof jsonb_array_length jsonb_contains jsonb_typeof length lower_inf md5 ntile num_nonnulls
    num_nulls octet_length percent_rank position rank regexp_count regexp_instr regexp_like row_number sha224 sha256 sha384
    sha512 starts_with strpos sum to_date to_timestamp upper_inf width_bucket`,
);
const SMALL_BYTES = 64;
/** Functions that collect values of many rows in one. */
const COLLECTORS = /^(?:string_agg|(?:array|range|json|jsonb)_agg|jsonb?_(?:object_)?agg.*)$/;

/** Bytes of a function's value while the query runs, where `grown` is what its arguments make of it. */
export function resultSize(name: string, grown: number): number {
  if (COLLECTORS.test(name)) return Number.POSITIVE_INFINITY;
  return SMALL_RESULTS.has(name) ? SMALL_BYTES : grown;
}
