/** Expressions of constants whose value, or a step towards it, is far larger than they are. */

const nest = (levels: number, wrap: (inner: string) => string, inner: string): string =>
  levels === 0 ? inner : nest(levels - 1, wrap, wrap(inner));
const LARGE = "(1e131071::numeric + 1e-16383::numeric)";
const brackets = `'${"[".repeat(4_000)}${"]".repeat(4_000)}'`;
const numbers = Array.from({ length: 800 }, () => "1e131071").join(",");

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

/** Statements that plan such a value: in a condition, as a column, and through a subquery that the planner merges. */
export const GROWING: readonly string[] = [
  ...VALUES.map((value) => `select 1 from ports where name = ${value}`),
  `select ${VALUES[1]}`,
  `select 1 as quote_literal from (select ${nest(20, (x) => `(${x}).quote_literal`, "('x'::text)")} as a) t`,
  nest(20, (x) => `select quote_literal(a) as a from (${x}) t`, "select repeat('x', 100) as a"),
  nest(20, (x) => `select t::text as a from (${x}) t`, "select repeat('\"', 100) as a"),
];
