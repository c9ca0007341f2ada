/** Wraps an expression several times. */
const nest = (levels: number, wrap: (inner: string) => string, inner: string): string =>
  levels === 0 ? inner : nest(levels - 1, wrap, wrap(inner));
const LARGE = "(1e131071::numeric + 1e-16383::numeric)";
const brackets = `'${"[".repeat(4_000)}${"]".repeat(4_000)}'`;
const numbers = Array.from({ length: 800 }, () => "1e131071").join(",");

/** Constant expressions whose value, or an intermediate one, is far larger than their text. */
const VALUES: readonly string[] = [
  ...[
    (x: string) => `encode(convert_to(${x}, 'UTF8'), 'hex')`,
    (x: string) => `quote_literal(${x})`,
    (x: string) => `quote_ident(${x})`,
    (x: string) => `quote_nullable(${x})`,
    (x: string) => `to_json(${x})::text`,
    (x: string) => `to_jsonb(${x})::text`,
    (x: string) => `json_build_object(${x}, 1)::text`,
    (x: string) => `json_object(${x} : 1)::text`,
    (x: string) => `array[${x}]::text`,
    (x: string) => `row(${x})::text`,
    (x: string) => `(row(${x}) || '')`,
    (x: string) => `regexp_split_to_array(${x}, '')::text`,
    (x: string) => `string_to_array(${x}, null)::text`,
    (x: string) => `array_to_json(string_to_array(${x}, null))::text`,
    (x: string) => `translate(${x}, 'x', 'é')`,
    (x: string) => `like_escape(${x}, '#')`,
    (x: string) => `similar_to_escape(${x})`,
    (x: string) => `convert_to(${x}, 'UTF8')::text`,
    (x: string) => `jsonb_pretty(jsonb_build_array(${x}))`,
    (x: string) => `concat_ws(${x}, ${Array.from({ length: 90 }, () => "1").join(",")})`,
    (x: string) => `case when true then quote_literal(${x}) else '' end`,
    (x: string) => `coalesce(quote_literal(${x}), (select code from ports limit 1))`,
  ].map((wrap) => nest(20, wrap, "repeat(chr(39), 100)")),
  `replace(1e131071::text, '0', repeat('y', 1000))`,
  `replace((10::numeric ^ 131000)::text, '0', repeat('y', 1000))`,
  `repeat(power(10::numeric, 131000)::text, 1000)`,
  `repeat(('1e13' || '1071')::numeric::text, 1000)`,
  `repeat(numeric '1e131071'::text, 1000)`,
  `repeat(round(1, 16000)::text, 1000)`,
  Array.from({ length: 200 }, () => `${LARGE}::text`).join("||"),
  `array_to_string(string_to_array(1e131071::text, null), repeat('y', 1000))`,
  `normalize(translate(1e131071::text, '0', 'ﷺ'), NFKD)`,
  `'[${numbers}]'::jsonb::text`,
  `'{${numbers}}'::numeric[]::text`,
  `('[' || '${numbers}' || ']')::jsonb::text`,
  `jsonb_pretty(${brackets})`,
  `jsonb_path_query_array(${brackets}, '$.**')::text`,
  `jsonb_path_query_array('{"a":{"b":{"c":1}}}', '$${".keyvalue()".repeat(12)}')::text`,
  `jsonb_path_query_first('[1]', ('$.*' || '*')::jsonpath)::text`,
  `json_query(${brackets}, '$.**' with wrapper)::text`,
];

/** Expressions that the planner evaluates as constants, although they do not look constant. */
const DISGUISED: readonly string[] = [
  "repeat(chr(39) || now()::text, 100)",
  "repeat(chr(39) || pi()::text, 100)",
  "repeat(chr(39) || current_date::text, 100)",
  "repeat(case when now() > '2020-01-01' then chr(39) else code end, 100)",
  "repeat(case code when null then code else chr(39) end, 100)",
  "coalesce(code || null, repeat(chr(39), 100))",
  "greatest(code || null, repeat(chr(39), 100))",
  "json_value('{}', '$.a' default repeat(chr(39), 100) on empty)",
];

/**
 * Statements for which the planner evaluates VALUES or DISGUISED: in a condition, as a column, and in a subquery that
 * it merges.
 */
export const GROWING: readonly string[] = [
  ...VALUES.map((value) => `select 1 from ports where name = ${value}`),
  `select ${VALUES[1]}`,
  `select 1 as quote_literal from (select ${nest(20, (x) => `(${x}).quote_literal`, "('x'::text)")} as a) t`,
  ...DISGUISED.map((value) => `select 1 from ports where code = ${nest(20, (x) => `quote_literal(${x})`, value)}`),
  `select 1 from ports limit length(${nest(20, (x) => `quote_literal(${x})`, DISGUISED[0] ?? "")})`,
  `select 1 from generate_series(1, length(${nest(20, (x) => `quote_literal(${x})`, DISGUISED[1] ?? "")}))`,
  `select 1 from (select row(code, repeat(chr(39), 100)) as r from ports) t where '' = ${nest(20, (x) => `quote_literal(${x})`, "(t.r).f2")}`,
  `with t as (select row(code, row(name, repeat(chr(39), 100))) as r from ports) select 1 from t where '' = ${nest(20, (x) => `quote_literal(${x})`, "((r).f2).f2")}`,
  `select 1 from ports where code = ${nest(20, (x) => `quote_literal(${x})`, "name")}`,
  `select jsonb_build_object('a', ${nest(18, (x) => `to_json(${x})::text`, "name")}) from ports`,
  nest(20, (x) => `select quote_literal(a) as a from (${x}) t`, "select repeat('x', 100) as a"),
  nest(20, (x) => `select t::text as a from (${x}) t`, "select repeat('\"', 100) as a"),
];

const A = "repeat(repeat('a', 100), 200)";
const B = "repeat(repeat('b', 100), 150)";
const NUMBER = "3::numeric ^ 130000";
/** Calls that compare each part of one value with each part of another, without checking for interrupts. */
const compare = (a: string, b: string): readonly string[] => [
  `length(translate(${a}, ${b}, 'z')) > 0`,
  `position(${b} in ${a}) > 0`,
  `strpos(${a}, ${b}) > 0`,
  `replace(${a}, ${b}, '') = ''`,
  `split_part(${a}, ${b}, 2) = ''`,
  `length(trim(both ${b} from ${a})) > 0`,
  `ltrim(${a}, ${b}) = ''`,
  `rtrim(${a}, ${b}) = ''`,
  `cardinality(string_to_array(${a}, ${b})) > 0`,
  `${a} like '%' || ${b} || '%'`,
  `${a} not ilike ${b}`,
  `${a} operator(pg_catalog.~~) ${b}`,
];

/** Statements with constants whose evaluation would take the planner seconds. */
export const SLOW_CONSTANTS: readonly string[] = [
  ...compare(A, B).map((condition) => `select 1 where ${condition}`),
  `select 1 where ${Array.from({ length: 100 }, () => `(${NUMBER}) * (${NUMBER}) > 1`).join(" and ")}`,
  `select ${Array.from({ length: 50 }, (_, n) => `x as x${n}`).join(", ")} from (select (${NUMBER}) / (${NUMBER}) > 1 as x) s`,
  `with t as not materialized (select (${NUMBER}) % (${NUMBER}) > 1 as x) select 1 from ${Array.from({ length: 40 }, (_, n) => `t t${n}`).join(", ")} where ${Array.from({ length: 40 }, (_, n) => `t${n}.x`).join(" and ")}`,
  `select ${Array.from({ length: 60 }, () => `ln(${NUMBER}) > 1`).join(" or ")}`,
  `select ${Array.from({ length: 400 }, () => "repeat(repeat('x', 200), 300) = 'y'").join(" or ")}`,
  `select length(normalize(repeat(U&'\\0315\\0316', 1000), NFD)) where repeat('x', 1000) is normalized`,
];

const terms = (count: number, term: (n: number) => string, separator = ", ") =>
  Array.from({ length: count }, (_, n) => term(n)).join(separator);

/**
 * Statements with powers and logarithms that each take seconds without checking for interrupts, while a row is computed
 * or while the statement is planned.
 */
export const LONG_ARITHMETIC: readonly string[] = [
  `select ${terms(30, (n) => `power(1.5${n}, 300000) > 1`)}`,
  `select ${terms(30, (n) => `1.5${n} ^ 300000 > 1`)}`,
  `select ${terms(30, (n) => `exp(150000.${n}) > 1`)}`,
  `select ${terms(40, (n) => `power(1.5${n} + price, 30000 + price) > 1`)} from prices`,
  `select ${terms(70, () => "x * y > 1", " or ")} from (select power(3 + price, 100000) as x, power(7 + price, 90000) as y from prices offset 0) t`,
  "select log(1 + 1e-16383, 2)",
  "select log(1 + price * 0 + 1e-16383, 2) from prices",
];

/** Statements with so many OR conditions that planning them takes seconds. */
export const MANY_ALTERNATIVES: readonly string[] = [
  `select 1 from ports where ${terms(400, (n) => `(code = 'a${n}' or code = 'b${n}')`, " and ")}`,
  `select 1 from ports where ${terms(400, (n) => `not (code <> 'a${n}' and code <> 'b${n}')`, " and ")}`,
  `select 1 from ports where ${terms(400, (n) => `(code <> 'a${n}' and code <> 'b${n}') = false`, " and ")}`,
  `select 1 from ports where ${terms(30, (n) => `(${terms(30, (m) => `code = '${n}${m}'`, " or ")})`, " and ")}`,
  nest(
    30,
    (x) => `select * from (${x}) t where (${terms(25, (n) => `code = 'a${n}'`, " or ")})`,
    "select code from ports",
  ),
  `select 1 from ports p ${terms(40, (n) => `join ports p${n} on (${terms(20, (m) => `p.code = '${n}${m}'`, " or ")})`, " ")}`,
];

const built = (aggregate: string) => `(select ${aggregate} from generate_series(1, 300000) i)`;
const TEXTS = [built("string_agg('a', '')"), built("string_agg('b', '')")] as const;
const ARRAYS = [built("array_agg(i)"), "array(select price from prices)"] as const;
const DOCUMENTS = [built("jsonb_agg(i)"), built("jsonb_object_agg(i, 1)")] as const;

/** Statements that pass an unbounded value through many functions, each of which copies it. */
export const LONG_CHAINS: readonly string[] = [
  `select length(${nest(40, (x) => `upper(lower(${x}))`, `(select string_agg(name, '') from ports)`)})`,
  `select ${terms(40, (n) => `md5(x || '${n}')`)} from (select string_agg(name, '') as x from ports) t`,
  `select ${terms(40, (n) => `to_jsonb(x) ->> '${n}'`)} from (select array_agg(name) as x from ports) t`,
];

/**
 * Statements that would exceed their time limit, since their comparisons cannot be interrupted. The planner does not
 * know the values, which are built at run time.
 */
export const UNINTERRUPTED: readonly string[] = [
  ...compare(...TEXTS).map((condition) => `select ${condition} as found`),
  `with a as materialized (select ${A} as x), b as materialized (select ${B} as y) select length(translate(x, y, 'z')) from a, b`,
  `select position(y in x) from (select string_agg(name, '') as x from ports) a, (select string_agg(code, '') as y from ports offset 0) b`,
  `with recursive t(x) as (select 'a' union all select x || x from t where length(x) < 1e8) select count(*) from t a, t b where a.x like b.x || 'b'`,
  ...["@>", "<@", "&&"].map((operator) => `select ${ARRAYS[0]} ${operator} ${ARRAYS[1]}`),
  `select ${DOCUMENTS[0]} @> ${DOCUMENTS[1]}`,
  `select ${DOCUMENTS[0]} ?| ${built("array_agg(i::text)")}`,
  `select ${DOCUMENTS[0]} - ${built("array_agg(i::text)")}`,
  `select jsonb_contains(${DOCUMENTS[0]}, json_arrayagg(code returning jsonb)) from ports`,
  `select position('b${"a".repeat(239)}' in ${TEXTS[0]})`,
  `select length(translate(${TEXTS[0]}, '${"bcdefghijklmnopqrstuvwxyz0123456789".repeat(7)}', ''))`,
  `select ${TEXTS[0]} like '%${"a".repeat(200)}b%'`,
  `select translate(x.x, x.x, '') from unnest(${built("array_agg(i::text || repeat('a', 1000))")}) u, lateral (select string_agg(u, '')) x(x)`,
];

/** Statements that call functions with quadratic run time, which cannot be interrupted, with long values. */
export const QUADRATIC: readonly string[] = [
  `select normalize(${TEXTS[0]})`,
  `select parse_ident(${built("string_agg(chr(34), '')")})`,
  `select t.parse_ident from (select string_agg(chr(34), '') from ports) t(x)`,
  `select ${TEXTS[0]} is normalized`,
  `select t.normalize from (select string_agg(name, '') from ports) t(x)`,
];
