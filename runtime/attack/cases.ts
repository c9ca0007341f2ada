/** Hostile requests by kind. */

const repeatTo = (text: string, bytes: number) => text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
const readTask = (sql: string) => ({ type: "read", sql, format: "csv" });
const inlineUpdate = (inline: unknown) => ({ type: "update", target: "prices", source: { inline } });
const updateOfRows = (count: number, row: string) =>
  `{"type":"update","target":"prices","source":{"inline":[${new Array(count).fill(row).join(",")}]}}`;
const nest = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);

/**
 * Statements that exceed their caller's privileges: they read or write forbidden data, signal sessions, wait for locks, or
 * exhaust the server. All must be refused.
 */
export const SQL: readonly string[] = [
  "execute rates(array[set_config('role','none',true)],'{}','{}','{}')",
  "select pid, query from pg_stat_activity",
  "select pg_cancel_backend(pid) from pg_stat_activity",
  "select pg_terminate_backend(1)",
  "select repeat('x', 540000000)",
  "select 1 from ports where name = repeat('x', 540000000)",
  "select lpad('x', 1000000000)",
  "select format('%1000000000s', 1)",
  "select array_fill(1, array[100000000])",
  "select pg_advisory_lock(1)",
  "select pg_logical_emit_message(false, 'x', 'y')",
  "select pg_notify('jobs_waiting_glue', '')",
  "select set_config('role', 'none', true)",
  "select current_setting('data_directory')",
  "select pg_sleep(1000)",
  "select pg_read_file('postgresql.conf')",
  "select lo_import('/etc/passwd')",
  "select * from jobs.tokens",
  "select * from jobs.documents",
  "select * from tracking.documents",
  "select * from pg_catalog.pg_authid",
  "select * from pg_roles",
  "with ports as (select * from pg_stat_activity) select * from ports",
  "select p.row_to_json from ports p",
  "select (p).pg_sleep from ports p",
  "select query_to_xml('select 1', true, true, '')",
  "select database_to_xml(true, true, '')",
  "select public.plan_of('select 1', 1)",
  "select jobs.clock()",
  "select 'jobs.tokens'::regclass::oid",
  "select * from ports for update",
  "select * into copied from ports",
  "with gone as (delete from prices returning 1) select * from gone",
  "insert into prices values ('A', 'B', '2021-01-01', 1)",
  "copy prices to program 'id'",
  "do $$ begin perform 1; end $$",
  "select 1; select 2",
  "select 1) to stdout; commit; delete from prices; --",
  "explain analyze select 1",
  "set role none",
  "listen jobs_waiting_glue",
  "declare c cursor for select 1",
  "prepare p as select 1",
  "select $1::int",
  "select lastval()",
  "select nextval('jobs.jobs_id_seq')",
  "select dblink('x', 'y')",
  "select 1 operator(public.+) 2",
  "select txid_current()",
  "select inet_server_addr()",
  `select ${repeatTo("1+", 30_000)}1`,
  `select ${repeatTo("(", 15_000)}1${repeatTo(")", 15_000)}`,
  `with a as not materialized (select 1 x), ${Array.from({ length: 24 }, (_, n) => `a${n} as not materialized (select 1 from a${n === 0 ? "" : n - 1} p, a${n === 0 ? "" : n - 1} q)`).join(", ")} select * from a23`,
  `select '${repeatTo("x", 60_000)}'`,
  `select 1 from ports where name = ${repeatTo("quote_literal(", 280)}repeat(chr(39), 100)${repeatTo(")", 20)}`,
  `select 1 from ports where name = ${"1e131071::text || ".repeat(100)}''`,
  `select jsonb_path_query_array('${nest(4_000, "[", "]")}', '$.**')`,
  `select 1 from ports where code = ${repeatTo("quote_literal(", 280)}repeat(chr(39) || now()::text, 100)${repeatTo(")", 20)}`,
  `select 1 from (select row(code, repeat(chr(39), 100)) as r from ports) t where '' = ${repeatTo("quote_literal(", 280)}(t.r).f2${repeatTo(")", 20)}`,
  "select parse_ident(string_agg(repeat(chr(34), 1000), '')) from generate_series(1, 4000)",
  "select log(1 + price * 0 + 1e-16383, 2) from prices limit 1",
  `select 1 from ports where ${Array.from({ length: 400 }, (_, n) => `(code = 'a${n}' or code = 'b${n}')`).join(" and ")}`,
];

/** Request bodies that are too large, too deep or invalid, or have too many elements. All must be refused. */
export const BODIES: Readonly<Record<string, () => string>> = {
  "half a million numbers as items": () =>
    JSON.stringify({ requestId: "a", task: inlineUpdate(new Array(500_000).fill(1)) }),
  "50,000 numbers as items": () => JSON.stringify({ requestId: "a", task: inlineUpdate(new Array(50_000).fill(1)) }),
  "200,000 numbers with exponents": () =>
    `{"requestId":"a","task":${JSON.stringify(inlineUpdate([])).replace("[]", `[${new Array(200_000).fill("1e21").join(",")}]`)}}`,
  "objects nested 100,000 deep": () => `{"requestId":"a","task":${nest(100_000, '{"a":', "}")}}`,
  "arrays nested 400,000 deep": () => `{"requestId":"a","task":${nest(400_000, "[", "]")}}`,
  "340,000 empty rows": () => `{"requestId":"a","task":${updateOfRows(340_000, "{}")}}`,
  "thousands of rows nested 55 deep": () => `{"requestId":"a","task":${updateOfRows(9_000, nest(55, "[", "]"))}}`,
  "a label's name of 860,000 characters": () =>
    JSON.stringify({ requestId: "a", labels: { [repeatTo("x", 860_000)]: "1" }, task: readTask("select 1") }),
  "a field's name of one megabyte": () =>
    JSON.stringify({ requestId: "a", [repeatTo("y", 1_000_000)]: 1, task: readTask("select 1") }),
  "a parameter's name of 900 KB": () =>
    JSON.stringify({
      requestId: "a",
      task: { type: "read", query: "average_rates", params: { [repeatTo("z", 900_000)]: 1 } },
    }),
  "a query's name of one megabyte": () =>
    JSON.stringify({ requestId: "a", task: { type: "read", query: repeatTo("average_", 1_000_000), params: {} } }),
  "90,000 fields": () =>
    `{"requestId":"a","task":{${Array.from({ length: 90_000 }, (_, n) => `"f${n}":1`).join(",")}}}`,
  "a field repeated over 100,000 times": () => `{"requestId":"a",${repeatTo('"x":1,', 900_000)}"y":1}`,
  "99,000 spaces in SQL": () => JSON.stringify({ requestId: "a", task: readTask(`select 1${repeatTo(" ", 99_000)}x`) }),
  "a requestId of 150 KB of ://": () =>
    JSON.stringify({ requestId: repeatTo("://", 150_000), task: readTask("select 1") }),
  "lone surrogates": () => `{"requestId":"a","labels":{"k":"${repeatTo("\\ud800", 600_000)}"}}`,
  "a number of a million digits": () => `{"requestId":"a","priority":${repeatTo("9", 1_000_000)}}`,
};

/** Paths of GET requests without a token. */
export const PATHS: Readonly<Record<string, () => string>> = {
  "a path of 15 KB of ://": () => `/${repeatTo("://", 15_000)}`,
  "date_from of 15 KB of ://": () =>
    `/rates?date_from=${repeatTo("://", 15_000)}&date_to=2021-01-02&orig_code=A&dest_code=B`,
  "2,000 parameters": () => `/rates?${Array.from({ length: 2_000 }, (_, n) => `p${n}=1`).join("&")}`,
  "percent signs": () => `/jobs/${repeatTo("%", 10_000)}`,
  "encoded parent directories": () => `/dashboard/${repeatTo("..%2f", 8_000)}`,
  "the longest range of dates": () => "/rates?date_from=0001-01-01&date_to=9999-12-31&orig_code=A&dest_code=B",
};

/** Headers of GET /rates. */
export const HEADERS: Readonly<Record<string, () => Record<string, string>>> = {
  "an Accept of 12 KB": () => ({ accept: repeatTo("text/csv;q=0.1,", 12_000) }),
  "an If-None-Match of 12 KB": () => ({ "if-none-match": repeatTo('W/"x",', 12_000) }),
  "an Authorization of 12 KB": () => ({ authorization: `Bearer ${repeatTo("x ", 12_000)}` }),
};

/** Invalid messages, which go to the dead-letter queue with their reason and get no response. */
export const POISON: readonly string[] = [
  "not json",
  "{",
  '{"requestId":',
  "[]",
  "null",
  '"text"',
  "{}",
  '{"requestId":5,"task":{}}',
  '{"requestId":"a/b"}',
  `{"requestId":"${repeatTo("a", 129)}"}`,
  nest(200_000, "[", "]"),
  repeatTo('{"a":', 500_000),
  repeatTo("\\", 200_000),
];

/** Truncated or malformed bodies that contain the id of an existing job. They must cause no response for that job. */
export const BODIES_NAMING_A_JOB: readonly string[] = [
  '{"labels":{"requestId":"mine"},"task":{',
  '{"task":{"requestId":"mine"}',
  '{"a":"\\"requestId\\":\\"mine\\"',
  '[{"requestId":"mine"}',
  '{"requestId":"mine","requestId":"other","task":',
  '{"requestId":"mine",}',
];

/** Update sources that must not be read, with secrets that must not be shown. */
export const URLS: readonly string[] = [
  "https://h/a b?sig=SECRET",
  "https:\\\\h\\p?sig=SECRET",
  "https://user:SECRET/x@h/",
  "https://user:SECRET@h/",
  "HTTPS://h/p?X-Amz-Signature=SECRET#SECRET",
  "https://h/p;sig=SECRET?sig=SECRET",
  "https://h\t/p?sig=SECRET",
  "https://169.254.169.254/latest/meta-data/?SECRET",
  "https://127.0.0.1/?SECRET",
  "https://[::1]/?SECRET",
  "https://localhost/?SECRET",
  "https://0x7f000001/?SECRET",
  "file:///etc/passwd?SECRET",
  "http://example.com/?SECRET",
];
