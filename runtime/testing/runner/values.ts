import fc from "fast-check";

/** A value as SQL, with its expected text; by default, the text that Postgres writes is expected. */
export interface Cell {
  sql: string;
  text?: string;
}

/** SQL that creates the types which the values use. */
export const CREATE_TYPES = `
  create type public.rates_composite as (a json, b text, c integer);
  create type public.rates_enum as enum ('a', '', 'q"u,o''te', e'line\\nbreak');
  create domain public.rates_domain as numeric check (value is not null)`;

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Text that Postgres can store, rich in characters that quoting, line ends and templates depend on. */
export const storable = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.constantFrom(
          ..."\n\r\t\\\"',;\x01\x02\x0b\x7f\x85\u2028\uFEFF\uFFFE\uFFFF.{}[]N %$?:-/*=#",
          "\r\n",
          "\\.",
          "%s",
          "\\N",
        ),
      ),
      maxLength,
    })
    .map((text) => text.replaceAll("\0", "0").toWellFormed());

const constants = (type: string, ...values: string[]) =>
  fc.constantFrom(...values).map((value): Cell => ({ sql: `${literal(value)}::${type}` }));
const cast = (type: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Cell> =>
  value.map((generated) => ({ sql: `${literal(String(generated))}::${type}` }));
const integerOf = (bits: bigint) => fc.bigInt({ min: -(2n ** bits), max: 2n ** bits - 1n });
const digits = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength, size: "max" });
const range = (type: string, bound: fc.Arbitrary<unknown>): fc.Arbitrary<Cell> =>
  fc
    .tuple(fc.constantFrom("[", "("), fc.option(bound), fc.option(bound), fc.constantFrom("]", ")"))
    .map(([open, from, to, close]) => ({
      sql: `coalesce((select case when a <= b or a is null or b is null then ${type}(a, b, ${literal(open + close)}) end
        from (select ${from === null ? "null" : literal(String(from))}::${ELEMENT[type]}, ${to === null ? "null" : literal(String(to))}::${ELEMENT[type]}) v(a, b)), 'empty')`,
    }));
const ELEMENT: Record<string, string> = { int8range: "int8", numrange: "numeric", daterange: "date" };

/** JSON text, compact or with white space and line breaks between its parts. */
const spacedJson = fc
  .tuple(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom("\n", "\r\n", "\t", " ", 2, 0))
  .map(([value, space]) =>
    (JSON.stringify(value, null, space === "\r\n" ? 2 : space) ?? "null").replaceAll(
      /(\n)/g,
      space === "\r\n" ? "\r\n" : "$1",
    ),
  )
  .filter((text) => !text.includes("\\u0000") && text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
/** JSON that the type json accepts and jsonb refuses. */
const beyondJsonb = fc.constantFrom(
  '"\\u0000"',
  '{"\\u0000":"\\ud800"}',
  "1e400000",
  "-0.0",
  `[1.${"0".repeat(400)}1, 0.1E-5]`,
  '{"":{"":[]}}',
  '"\\u2028\\/\\b\\f"',
  `${"[".repeat(60)}${"]".repeat(60)}`,
);

/** Generators of values, each of one type; each column of a result uses one of them. */
export const TYPES: readonly fc.Arbitrary<Cell>[] = [
  storable(30).map((text) => ({ sql: `${literal(text)}::text`, text })),
  storable(300).map((text) => ({ sql: `${literal(text)}::text`, text })),
  storable(12).map((text) => ({ sql: `${literal(text)}::varchar(12)` })),
  storable(12).map((text) => ({ sql: `left(${literal(text)}, 6)::char(6)` })),
  storable(12).map((text) => ({ sql: `${literal(text)}::name` })),
  fc.constantFrom("a", "", '"', ",", "\\", "\n").map((text) => ({ sql: `${literal(text)}::"char"` })),
  cast("bigint", integerOf(63n)),
  cast("integer", integerOf(31n)),
  cast("smallint", integerOf(15n)),
  cast("oid", fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })),
  cast("float8", fc.double()),
  cast("real", fc.float()),
  cast(
    "numeric",
    fc
      .tuple(fc.constantFrom("", "-"), digits(1_000), fc.option(digits(1_000)))
      .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? "" : `.${fraction}`}`),
  ),
  constants("numeric", "NaN", "Infinity", "-Infinity", "1e100", "1e-100", "0.10", "1.000", "-0"),
  constants("numeric(20,-3)", "12345678", "0"),
  constants("rates_domain", "1.50", "NaN"),
  fc.boolean().map((value) => ({ sql: `${value}` })),
  fc.integer({ min: -2_451_545, max: 2_145_031_948 }).map((days) => ({ sql: `(date '2000-01-01' + ${days})` })),
  constants("date", "infinity", "-infinity", "0001-01-01", "0044-03-15 BC", "9999-12-31", "10000-01-01"),
  fc
    .bigInt({ min: -(2n ** 57n), max: 2n ** 57n })
    .map((n) => ({ sql: `(timestamp '2000-01-01' + ${n} * interval '1 microsecond')` })),
  fc
    .bigInt({ min: -(2n ** 57n), max: 2n ** 57n })
    .map((n) => ({ sql: `(timestamptz '2000-01-01Z' + ${n} * interval '1 microsecond')` })),
  constants("timestamp", "infinity", "2021-01-01 00:00:00.000001", "0099-12-31 23:59:59", "4713-01-01 00:00:00 BC"),
  constants("timestamptz", "-infinity", "2021-01-01 00:00:00.5+05:30", "1900-01-01 00:00:00Z", "0001-01-01 BC"),
  constants("time", "24:00:00", "00:00:00.000001"),
  constants("timetz", "12:00+14", "23:59:60-00:44:30"),
  fc
    .tuple(fc.integer({ min: -9_999, max: 9_999 }), fc.integer({ min: -99, max: 99 }), fc.integer(), fc.integer())
    .map(([years, months, days, seconds]) => ({
      sql: `make_interval(${years}, ${months}, 0, ${days}, 0, 0, ${seconds}.000001)`,
    })),
  constants("interval", "1 year -2 days 03:04:05.678", "0", "-1 month", "infinity"),
  constants("money", "-1234.5", "0", "92233720368547758.07"),
  range("int8range", integerOf(40n)),
  range("numrange", integerOf(70n)),
  range("daterange", fc.constantFrom("0044-03-15 BC", "infinity", "-infinity", "2021-02-28")),
  constants("int4multirange", "{}", "{[1,3),[5,9)}", "{(,)}"),
  constants("tstzrange", '["2021-01-01 00:00+00","2021-01-02 00:00+00")', "empty", "(,)"),
  cast("uuid", fc.uuid()),
  cast("inet", fc.oneof(fc.ipV4(), fc.ipV6())),
  constants("cidr", "10.0.0.0/8", "::/0"),
  constants("macaddr8", "08:00:2b:01:02:03:04:05"),
  cast("varbit", fc.string({ unit: fc.constantFrom("0", "1"), maxLength: 80 })),
  constants("pg_lsn", "FFFFFFFF/FFFFFFFF", "0/0"),
  constants("point", "(1e300,-0)", "(NaN,Infinity)"),
  constants("polygon", "((0,0),(1,1),(2,0))"),
  constants("tsvector", "'it''s' 'a:b' 'x\"y':3A,4"),
  constants("jsonpath", '$."a b"[*] ? (@ == "q\\"")'),
  constants("rates_enum", "a", "", "q\"u,o'te", "line\nbreak"),
  constants("regclass", "pg_class"),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ sql: `'\\x${Buffer.from(bytes).toString("hex")}'::bytea` })),
  spacedJson.map((text) => ({ sql: `${literal(text)}::json` })),
  beyondJsonb.map((text) => ({ sql: `${literal(text)}::json` })),
  spacedJson.map((text) => ({ sql: `${literal(text)}::jsonb` })),
  fc.array(spacedJson, { maxLength: 3 }).map((texts) => ({ sql: `array[${texts.map(literal).join(",")}]::json[]` })),
  fc.array(fc.option(storable(8)), { maxLength: 3 }).map((texts) => ({
    sql: `array[${texts.map((text) => (text === null ? "null" : literal(text))).join(",")}]::text[]`,
  })),
  constants("int[]", "[0:1]={1,2}", "{{1,NULL},{3,4}}", "{}"),
  constants("date[]", '{infinity,"0044-03-15 BC",NULL}'),
  constants("bytea[]", '{"\\\\x00ff",""}'),
  constants("float8[]", "{NaN,Infinity,-0,1e-300}"),
  fc.tuple(spacedJson, storable(8)).map(([json, text]) => ({
    sql: `row(${literal(json)}, ${literal(text)}, null)::rates_composite`,
  })),
  fc.tuple(spacedJson, storable(8)).map(([json, text]) => ({
    sql: `array[row(${literal(json)}, ${literal(text)}, 1)::rates_composite, null]`,
  })),
];

/** Names of columns, among them those that the runners' own statements use. */
export const columnName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(
      "result",
      "r",
      "row_0",
      "row_1",
      "described",
      "only_column",
      "select",
      "__proto__",
      "constructor",
      "?column?",
      "inline",
      "format",
      "%s",
      "%(a)s",
      "$1",
      "--",
      "/*",
      "*/",
      "\u212A", // KELVIN SIGN, whose lower case is k
      "é".repeat(31),
    ),
    storable(12),
  )
  .filter((text) => text !== "" && Buffer.byteLength(text) <= 63);
