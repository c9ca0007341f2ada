import assert from "node:assert/strict";
import fc from "fast-check";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../db/testing.ts";
import { read } from "./read.ts";
import { type PythonReader, pythonReader } from "./testing/pythonReader.ts";

/** A value as SQL, and its text where the test knows that; what Postgres itself writes for it otherwise. */
interface Cell {
  sql: string;
  text?: string;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const storable = (maxLength: number) =>
  fc
    .string({
      unit: fc.oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.constantFrom(..."\n\r\t\\\"',;\x01\x02\x7f\u2028\uFEFF.{}[]N "),
      ),
      maxLength,
    })
    .map((text) => text.replaceAll("\0", "0").toWellFormed());
const constants = (type: string, ...values: string[]) =>
  fc.constantFrom(...values).map((value): Cell => ({ sql: `${literal(value)}::${type}` }));
/** JSON text with white space, line breaks included, wherever JSON allows it. */
const spacedJson = fc
  .tuple(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom("\n", "\r\n", "\t", " ", 2, 0))
  .map(([value, space]) =>
    (JSON.stringify(value, null, space === "\r\n" || typeof space === "number" ? 2 : space) ?? "null").replaceAll(
      /(\n)/g,
      space === "\r\n" ? "\r\n" : "$1",
    ),
  )
  .filter((text) => !text.includes("\\u0000") && text.isWellFormed() && !/\\ud[89a-f]/i.test(text));

/** One generator per type; a column has one of them. */
const TYPES: readonly fc.Arbitrary<Cell>[] = [
  storable(30).map((text) => ({ sql: `${literal(text)}::text`, text })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ sql: `${literal(String(value))}::bigint` })),
  fc.double().map((value) => ({ sql: `${literal(String(value))}::float8` })),
  fc.stringMatching(/^-?[0-9]{1,40}[.][0-9]{1,40}$/).map((value) => ({ sql: `${literal(value)}::numeric` })),
  constants("numeric", "NaN", "Infinity", "-Infinity", "1e100", "0.10", "1.000"),
  fc.boolean().map((value) => ({ sql: `${value}` })),
  constants("date", "infinity", "-infinity", "0001-01-01", "0044-03-15 BC", "9999-12-31", "2021-02-28"),
  constants("timestamp", "infinity", "2021-01-01 00:00:00.000001", "0099-12-31 23:59:59"),
  constants("timestamptz", "infinity", "2021-01-01 00:00:00.5+05:30", "1900-01-01 00:00:00Z"),
  constants("interval", "1 year -2 days 03:04:05.678", "0", "-1 month"),
  constants("money", "-1234.5", "0"),
  constants("char(6)", "ab", "", "a  b"),
  constants("int4range", "[1,5)", "empty", "(,3)"),
  constants("uuid", "00000000-0000-0000-0000-000000000000"),
  constants("inet", "10.0.0.0/8", "::1"),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => ({ sql: `'\\x${Buffer.from(bytes).toString("hex")}'::bytea` })),
  spacedJson.map((text) => ({ sql: `${literal(text)}::json` })),
  spacedJson.map((text) => ({ sql: `${literal(text)}::jsonb` })),
  fc.array(spacedJson, { maxLength: 3 }).map((texts) => ({ sql: `array[${texts.map(literal).join(",")}]::json[]` })),
  fc.array(fc.option(storable(8)), { maxLength: 3 }).map((texts) => ({
    sql: `array[${texts.map((text) => (text === null ? "null" : literal(text))).join(",")}]::text[]`,
  })),
  fc.tuple(spacedJson, storable(8)).map(([json, text]) => ({
    sql: `row(${literal(json)}, ${literal(text)}, null)::rates_composite`,
  })),
];

const name = fc
  .oneof(
    fc.constantFrom("result", "r", "row_0", "row_1", "described", "only_column", "select", "__proto__"),
    storable(12),
  )
  .filter((text) => text !== "" && Buffer.byteLength(text) <= 63);
/** A result: its columns' names, and rows whose cells are of the columns' types, or NULL. */
const table = fc.uniqueArray(name, { minLength: 1, maxLength: 5 }).chain((names) =>
  fc.record({
    names: fc.constant(names),
    rows: fc
      .tuple(...names.map(() => fc.constantFrom(...TYPES)))
      .chain((types) =>
        fc
          .array(fc.tuple(...types.map((type) => fc.option(type, { freq: 5 }))), { minLength: 0, maxLength: 4 })
          .chain((rows) => fc.tuple(...types).map((first) => [first as (Cell | null)[], ...rows])),
      ),
  }),
);

describe("what a read returns", () => {
  let database: Scratch;
  let client: pg.Client;
  let reader: PythonReader | undefined;
  const ask = (request: object) => reader?.ask(request) ?? Promise.reject(new Error("Python was not started"));
  before(async function () {
    database = await migratedDatabase();
    const admin = await database.connect();
    await admin.query("create type public.rates_composite as (a json, b text, c integer)");
    client = await database.connect("job_reader");
    reader = pythonReader(this, database.url);
  });
  after(async () => {
    reader?.close();
    await database?.drop();
  });

  type Task = { type: "read"; sql: string; format: "csv" | "ndjson" | "json"; compression: "none" | "gzip" };
  const byTypeScript = async (task: Task): Promise<string> => {
    const backend = { pid: 0, start: "" };
    const output = await read(task, {
      sql: task.sql,
      session: { client, backend },
      timeoutSeconds: 60,
      signal: new AbortController().signal,
      output: { inlineBytes: 1e9, s3: () => Promise.reject(new Error("no S3")), bucket: "none", key: "none" },
      onBegin() {},
      onCopy() {},
      discard() {},
      onProgress() {},
    });
    return output.json(output.rows);
  };

  it("is read by Python's csv and json as Postgres has it, from both runners", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(table, async ({ names, rows }) => {
        const quoted = names.map((one) => `"${one.replaceAll('"', '""')}"`);
        const selects = rows.map(
          (cells) => `select ${cells.map((cell, at) => `${cell?.sql ?? "null"} as ${quoted[at]}`).join(", ")}`,
        );
        const sql = selects.join("\nunion all ");
        const types = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;
        const cells = (await client.query({ text: sql, rowMode: "array", types })).rows as (string | null)[][];
        for (const [row, line] of rows.entries())
          for (const [at, cell] of line.entries())
            if (cell?.text !== undefined) assert.equal(cells[row]?.[at], cell.text);
        const asJson = `select ${quoted.map((one) => `to_json(t.${one})`).join(", ")} from (${sql}) t`;
        const jsonCells = (await client.query({ text: asJson, rowMode: "array", types })).rows as (string | null)[][];
        const objects: unknown[] = [];
        for (const line of jsonCells) {
          const values = (await ask({ values: line.map((one) => one ?? "null") })) as unknown[];
          objects.push(Object.fromEntries(names.map((one, at) => [one, values[at]])));
        }
        const csv = [names, ...cells.map((line) => line.map((one) => one ?? ""))];
        for (const format of ["csv", "ndjson", "json"] as const)
          for (const compression of ["none", "gzip"] as const) {
            const task: Task = { type: "read", sql, format, compression };
            for (const [runner, text] of [
              ["TypeScript", await byTypeScript(task)],
              ["Python", (await ask({ read: task })) as string],
            ]) {
              const found = await ask({ parse: text, format, compression });
              assert.deepEqual(found, format === "csv" ? csv : objects, `${runner}, ${format}, ${compression}: ${sql}`);
            }
          }
      }),
      { numRuns: 60 },
    );
  });
});
