/** Bound of a function whose result size depends on an argument. */
export type FunctionLimit =
  /** The second argument is an integer literal of at most SQL_LIMITS.padding. */
  | "length"
  /** Like `length`; the result repeats the first argument. */
  | "repeat"
  /** The first argument is a string literal whose fields have small literal widths. */
  | "format"
  /** The result can be as large as the first argument times the inserted text. */
  | "product";

interface FunctionGroup {
  /** Reason why these functions are allowed. */
  readonly reason: string;
  readonly names: string;
  readonly limit?: FunctionLimit;
  /** True if the planner never evaluates them: they have a value per group, row or call. */
  readonly isNeverFolded?: boolean;
}

/**
 * The functions that caller-supplied SQL may call, by name; all are in pg_catalog except `ports_of`. Functions that
 * read or change settings, sessions, locks, files, sequences, large objects or catalogs, or run SQL given as text
 * (set_config, pg_*, lo_*, query_to_xml, nextval, ts_stat, …) are refused because they are not listed.
 */
const GROUPS: readonly FunctionGroup[] = [
  {
    reason: "aggregates: memory grows with the rows of one group only",
    names: `any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg
      json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_agg
      jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict max
      min mode percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept
      regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance`,
    isNeverFolded: true,
  },
  {
    reason: "window functions",
    names: `cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`,
    isNeverFolded: true,
  },
  {
    reason:
      "numbers: the result has a fixed size, or numeric's own maximum. factorial is left out because it can run for minutes",
    names: `abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd
      degrees div erf erfc exp floor gamma gcd lcm lgamma ln log log10 min_scale mod pi pow power radians random
      random_normal round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket`,
  },
  {
    reason: "text: the result is at most a small multiple of the arguments together (growth.ts)",
    names: `ascii bit_count bit_length btrim casefold char_length character_length chr concat concat_ws crc32 crc32c
      convert_from convert_to decode encode get_bit get_byte initcap is_normalized left length like_escape lower ltrim md5
      normalize octet_length overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr
      regexp_like regexp_match regexp_matches regexp_split_to_array regexp_split_to_table regexp_substr reverse right rtrim
      sha224 sha256 sha384 sha512 similar_to_escape split_part starts_with string_to_array string_to_table strpos substr
      substring to_ascii to_bin to_hex to_oct translate unistr upper`,
  },
  {
    reason: "text that is inserted at each match or element: bounded as a product of its arguments",
    names: `replace regexp_replace array_replace array_to_string`,
    limit: "product",
  },
  { reason: "padding to a small literal length", names: `lpad rpad`, limit: "length" },
  { reason: "repetition by a small literal number", names: `repeat`, limit: "repeat" },
  { reason: "formatting with small literal widths", names: `format`, limit: "format" },
  {
    reason: "dates and times; without pg_sleep and similar functions",
    names: `age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
      justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps
      statement_timestamp timeofday timezone to_char to_date to_number to_timestamp transaction_timestamp`,
  },
  {
    reason: "arrays; array_fill is left out because an argument sets its result size",
    names: `array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions
      array_prepend array_remove array_reverse array_sample array_shuffle array_sort array_upper cardinality
      generate_subscripts trim_array unnest`,
  },
  {
    reason: "rows are streamed: the statement's time limit and temp_file_limit bound them",
    names: `generate_series`,
  },
  {
    reason: "JSON; values are bounded by the rows they are built from",
    names: `array_to_json json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
      json_each json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_strip_nulls
      json_to_record json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
      jsonb_build_array jsonb_build_object jsonb_concat jsonb_contains jsonb_delete jsonb_each jsonb_each_text
      jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists
      jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax
      jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb`,
  },
  {
    reason: "ranges",
    names: `datemultirange daterange int4multirange int4range int8multirange int8range isempty lower_inc lower_inf
      multirange nummultirange numrange range_merge tsmultirange tsrange tstzmultirange tstzrange upper_inc upper_inf`,
  },
  {
    reason: "values of several types, and identifiers without a sequence",
    names: `gen_random_uuid num_nonnulls num_nulls uuidv4 uuidv7 uuid_extract_timestamp uuid_extract_version`,
  },
  {
    reason: "casts written as a function call",
    names: `bool date float4 float8 int2 int4 int8 interval numeric text time timestamp timestamptz varchar`,
  },
  { reason: "the platform's function for the ports of a place", names: `ports_of` },
];

/** Allowed functions with their limits. */
export const FUNCTIONS: ReadonlyMap<string, FunctionLimit | undefined> = new Map(
  GROUPS.flatMap(({ names, limit }) => names.split(/\s+/).map((name) => [name, limit] as const)),
);

/** Functions that return rows. */
const ROW_FUNCTIONS = `generate_series generate_subscripts unnest regexp_split_to_table string_to_table json_array_elements
  json_array_elements_text json_each json_each_text json_object_keys json_to_record json_to_recordset jsonb_array_elements
  jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_to_record jsonb_to_recordset ports_of`;

/** Volatile functions, but not stable ones such as now(), which the planner evaluates to estimate row counts. */
const VOLATILE_FUNCTIONS =
  "array_sample array_shuffle clock_timestamp gen_random_uuid random random_normal timeofday uuidv4 uuidv7";

/** Functions that the planner never evaluates. */
export const NEVER_FOLDED: ReadonlySet<string> = new Set([
  ...VOLATILE_FUNCTIONS.split(" "),
  ...GROUPS.filter(({ isNeverFolded }) => isNeverFolded).flatMap(({ names }) => names.split(/\s+/)),
  ...ROW_FUNCTIONS.split(/\s+/),
]);

/** Functions in schema public; all others are in pg_catalog. */
export const PLATFORM_FUNCTIONS: ReadonlySet<string> = new Set(["ports_of"]);
