import { random as seededRandom } from "../../../db/sample/random.ts";

/** An invalid request body. */
export interface InvalidRequest {
  kind: string;
  body: string | Buffer;
}

const task = { type: "read", query: "average_rates" };
const params = { date_from: "2021-01-01", date_to: "2021-01-31", orig_code: "CNGGZ", dest_code: "EETLL" };
const validRequest = (id: string) => ({ requestId: id, task: { ...task, params } });
const update = { type: "update", target: "prices" };

const INJECTIONS = [
  "'; drop table prices; --",
  '"; select pg_sleep(60); --',
  "$(reboot)",
  "`id`",
  "../../../etc/passwd",
  "{{7*7}}",
  "<script>alert(1)</script>",
  "%00%0a%0d",
  "\r\nSet-Cookie: a=b",
  "$" + "{jndi:ldap://127.0.0.1/a}",
  "=cmd|' /C calc'!A0",
  "'||(select token from jobs.tokens)||'",
];
const UNICODE = [
  "\u0000",
  "\ud800",
  "a\udfff",
  "\u202e",
  "\ufffe",
  "🚢".repeat(50),
  "é".normalize("NFD"),
  "\u0007",
  "ﷺ",
  "𝒶",
];
const WRONG_TYPES = [null, 7, -1, 1.5, true, [], {}, "", "x", [[]], { a: 1 }];
const NUMBERS = ["1e400", "-1e400", "99999999999999999999999", "1.5", "-1", "1e9", "0.1e1000", "2147483648"];

/** Functions by field: each returns a request with the given value in this field. */
type Fields = Record<string, (value: unknown) => object>;
const requestsByField = (id: string): Fields => ({
  requestId: (value) => ({ ...validRequest(id), requestId: value }),
  tenant: (value) => ({ ...validRequest(id), tenant: value }),
  priority: (value) => ({ ...validRequest(id), priority: value }),
  labels: (value) => ({ ...validRequest(id), labels: value }),
  timeoutSeconds: (value) => ({ ...validRequest(id), timeoutSeconds: value }),
  type: (value) => ({ requestId: id, task: { ...task, params, type: value } }),
  query: (value) => ({ requestId: id, task: { ...task, params, query: value } }),
  format: (value) => ({ requestId: id, task: { ...task, params, format: value } }),
  compression: (value) => ({ requestId: id, task: { ...task, params, compression: value } }),
  date: (value) => ({ requestId: id, task: { ...task, params: { ...params, date_from: value } } }),
  target: (value) => ({ requestId: id, task: { ...update, target: value, source: { inline: [{}] } } }),
  mode: (value) => ({ requestId: id, task: { ...update, mode: value, source: { inline: [{}] } } }),
  s3: (value) => ({ requestId: id, task: { ...update, source: { s3: value } } }),
  url: (value) => ({ requestId: id, task: { ...update, source: { url: value } } }),
  dryRun: (value) => ({ requestId: id, task: { ...update, dryRun: value, source: { inline: [{}] } } }),
  statement: (value) => ({ requestId: id, task: { type: "update", statement: value } }),
});
/** Predicates by field: true for the values of WRONG_TYPES that are valid in it. */
const IS_VALID: Record<string, (value: unknown) => boolean> = {
  labels: (value) =>
    value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0,
  priority: (value) => value === 7,
  timeoutSeconds: (value) => value === 7,
  dryRun: (value) => value === true,
  tenant: (value) => value === "x",
  requestId: (value) => value === "x",
};

/** Values that are invalid in most fields: wrong types, injections, unusual and long texts, huge numbers. */
export const INVALID_VALUES: readonly unknown[] = [
  ...WRONG_TYPES,
  ...INJECTIONS,
  ...UNICODE,
  "x".repeat(5_000),
  1e300,
  -1e300,
];

/** Returns some five hundred invalid requests. The seed determines which injections, texts and numbers they contain. */
export function invalidRequests(seed: number): InvalidRequest[] {
  const requests: InvalidRequest[] = [];
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let count = 0;
  const id = () => `bad-${++count}`;
  const add = (kind: string, ...bodies: (string | Buffer | object | null)[]) => {
    for (const body of bodies)
      requests.push({ kind, body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body) });
  };
  const text = JSON.stringify(validRequest("bad-text"));

  add("empty body", "", " ", "\n", "\u0000");
  add(
    "not JSON",
    "not json",
    "{'requestId':'a'}",
    "{a:1}",
    "<xml/>",
    "requestId=a",
    "undefined",
    "NaN",
    "[1,]",
    '{"a":1,}',
    "//x\n{}",
  );
  add("not an object", "[]", "7", "null", "true", '"text"', "[{}]", "-0", "[[]]");
  for (let cut = 1; cut < text.length; cut += 5) add("truncated", text.slice(0, cut));
  add("two documents", `${text}${text}`, `${text}\n${text}`, `[${text}]`, `${text},`);
  add(
    "not UTF-8",
    Buffer.from([0xff, 0xfe]),
    Buffer.from(`${text.slice(0, 20)}\xff`, "latin1"),
    Buffer.from(text, "utf16le"),
  );
  for (const name of ["requestId", "task", "priority", "labels"])
    add("repeated field", text.replace("{", `{"${name}":1,"${name}":2,`));
  add(
    "repeated field",
    text.replace('"type"', '"type":"update","type"'),
    text.replace('"date_from"', '"date_from":1,"date\\u005ffrom"'),
  );
  for (const depth of [70, 1_000, 50_000])
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      add(
        "deep nesting",
        deep,
        `{"requestId":"${id()}","task":${deep}}`,
        `{"requestId":"${id()}","labels":${deep},"task":{}}`,
      );
    }
  const fields = requestsByField("x");
  for (const field of Object.keys(fields)) {
    const make = (value: unknown) => requestsByField(id())[field]?.(value) ?? {};
    for (const value of WRONG_TYPES) if (!IS_VALID[field]?.(value)) add(`wrong type of ${field}`, make(value));
    for (const value of [1, 2, 3, 4, 5, 6].map(() => pick(INJECTIONS))) add("injection", make(value));
    add("odd text", make(pick(UNICODE)), make(pick(UNICODE)), make(pick(UNICODE)));
    add("long text", make("x".repeat(10_000 + Math.floor(random() * 50_000))));
    for (const number of [pick(NUMBERS), pick(NUMBERS)])
      if (!(field === "timeoutSeconds" && number === "1e9"))
        add("huge or odd number", JSON.stringify(make("@")).replace('"@"', number));
  }
  for (const missing of ["task", "type", "query", "date_from", "date_to", "orig_code", "dest_code"]) {
    const complete = { requestId: id(), task: { ...task, params: { ...params } } };
    const strip = (object: object): object =>
      Object.fromEntries(
        Object.entries(object).flatMap(([name, value]) =>
          name === missing ? [] : [[name, typeof value === "object" ? strip(value) : value]],
        ),
      );
    add("missing field", strip(complete));
  }
  for (const name of [
    "Task",
    "task ",
    "constructor",
    "toString",
    "__proto__",
    "",
    "sql",
    "priorty",
    "a".repeat(5_000),
  ]) {
    add(
      "unknown field",
      `{"requestId":"${id()}",${JSON.stringify(name)}:1,"task":${JSON.stringify({ ...task, params })}}`,
    );
    add(
      "unknown field of a task",
      `{"requestId":"${id()}","task":{${JSON.stringify(name)}:1,"type":"read","query":"average_rates"}}`,
    );
    add(
      "unknown parameter",
      `{"requestId":"${id()}","task":{"type":"read","query":"price_export","params":{${JSON.stringify(name)}:1}}}`,
    );
  }
  for (const day of [
    "2021-02-30",
    "2021-13-01",
    "0000-01-01",
    "01.02.2021",
    "yesterday",
    "20210101",
    "2021-01-01T00:00:00Z",
    "infinity",
    "99999-01-01",
    "-2021-01-01",
  ])
    add("invalid day", requestsByField(id()).date?.(day) ?? null);
  for (const s3 of [
    "s3://",
    "s3://Uploads/a",
    "s3://other/key",
    "uploads/key",
    "s3://uploads/../results/x",
    "https://uploads/a",
    "s3://uploads/none",
  ])
    add("invalid S3 source", requestsByField(id()).s3?.(s3) ?? null);
  for (const url of [
    "http://example.com/a",
    "https://169.254.169.254/latest",
    "https://localhost/a",
    "https://user:pass@example.com/",
    "file:///etc/passwd",
    "https://[::1]/",
    "https://example.com:99999/",
  ])
    add("invalid URL source", requestsByField(id()).url?.(url) ?? null);
  add("several sources", { requestId: id(), task: { ...update, source: { inline: [{}], s3: "s3://uploads/a" } } });
  add(
    "no source",
    { requestId: id(), task: update },
    { requestId: id(), task: { ...update, source: {} } },
    { requestId: id(), task: { ...update, source: { inline: [] } } },
  );
  add("query and sql", { requestId: id(), task: { ...task, params, sql: "select 1" } });
  add(
    "raw SQL",
    { requestId: id(), task: { type: "read", sql: "select 1" } },
    { requestId: id(), task: { type: "read", sql: "" } },
  );
  add("too many labels", {
    ...validRequest(id()),
    labels: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, "v"])),
  });
  add("long label", { ...validRequest(id()), labels: { k: "v".repeat(300) } });
  return requests;
}
