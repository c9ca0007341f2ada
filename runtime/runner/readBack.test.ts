import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { migratedDatabase, type Scratch } from "../../db/testing/database.ts";
import type { Emulator } from "../local/emulator.ts";
import { testCloud } from "../testing/cluster.ts";
import { property, propertyTimeout } from "../testing/runner/property.ts";
import { type PythonReader, pythonReader } from "../testing/runner/pythonReader.ts";
import { type Cell, CREATE_TYPES, columnName, TYPES } from "../testing/runner/values.ts";
import { read } from "./read.ts";

/** A result: its columns' names, and rows whose cells are of the columns' types, or NULL. */
const table = fc
  .oneof(
    { weight: 5, arbitrary: fc.uniqueArray(columnName, { minLength: 1, maxLength: 5 }) },
    {
      weight: 1,
      arbitrary: fc.array(columnName, { minLength: 2, maxLength: 4 }).map((names) => [...names, names[0] ?? ""]),
    },
  )
  .chain((names) =>
    fc.record({
      names: fc.constant(names),
      rows: fc
        .tuple(...names.map(() => fc.constantFrom(...TYPES)))
        .chain((types) =>
          fc
            .array(fc.tuple(...types.map((type) => fc.option(type, { freq: 5 }))), { minLength: 0, maxLength: 4 })
            .chain((rows) => fc.tuple(...types).map((first) => [first as (Cell | null)[], ...rows])),
        ),
      /** Maximum bytes of an inline result: with 0 it is always in S3. */
      inlineBytes: fc.constantFrom(0, 200, 1_000_000, 1_000_000, 1_000_000, 1_000_000),
    }),
  );
const FORMATS = ["csv", "ndjson", "json"] as const;
const COMPRESSIONS = ["none", "gzip"] as const;
/** Returns values as the text that Postgres sends. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

interface Task {
  type: "read";
  sql: string;
  format: (typeof FORMATS)[number];
  compression: (typeof COMPRESSIONS)[number];
}

describe("the result of a read", () => {
  let database: Scratch;
  let cloud: Emulator;
  let s3: S3Client;
  let admin: pg.Client;
  let client: pg.Client;
  let reader: PythonReader | undefined;
  const askPython = (request: object) => reader?.ask(request) ?? Promise.reject(new Error("Python was not started"));
  before(async function () {
    [database, cloud] = await Promise.all([migratedDatabase(), testCloud()]);
    cloud.createBucket("results");
    const { credentials, endpoint, region } = cloud;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    admin = await database.connect();
    await admin.query(`${CREATE_TYPES}; create temp table back (n serial, a text, b text, c text, d text, e text)`);
    client = await database.connect("job_reader");
    reader = pythonReader(this, database.url, cloud.env);
  });
  after(async () => {
    reader?.close();
    s3?.destroy();
    await cloud?.stop();
    await database?.drop();
  });

  let key = 0;
  const byTypeScript = async (task: Task, inlineBytes: number): Promise<string> => {
    const output = await read(task, {
      sql: task.sql,
      session: { client, backend: { pid: 0, start: "" } },
      timeoutSeconds: 60,
      signal: new AbortController().signal,
      output: { inlineBytes, s3: async () => s3, bucket: "results", key: `typescript/${key++}` },
      onBegin() {},
      onCopy() {},
      discard() {},
      onProgress() {},
    });
    return output.json(output.rows);
  };
  /** The result of each runner, or its error. */
  const byBoth = async (task: Task, inlineBytes: number): Promise<[runner: string, result: string][]> => {
    const failure = (error: Error & { code?: string }) => `${error.code}: ${error.message}`;
    return [
      ["TypeScript", await byTypeScript(task, inlineBytes).catch(failure)],
      [
        "Python",
        await (askPython({ read: task, inlineBytes, key: `python/${key++}` }) as Promise<string>).catch(failure),
      ],
    ];
  };
  /** Reads CSV with COPY FROM, which distinguishes NULL from an empty text. */
  const readByPostgres = async (csv: string, columns: number) => {
    const names = ["a", "b", "c", "d", "e"].slice(0, columns).join(",");
    await admin.query("begin");
    try {
      await pipeline(
        Readable.from([csv]),
        admin.query(copyFrom(`copy back (${names}) from stdin (format csv, header true)`)),
      );
      return (await admin.query({ text: `select ${names} from back order by n`, rowMode: "array" })).rows;
    } finally {
      await admin.query("rollback");
    }
  };

  it("is inline if its text in a response does not exceed the maximum, otherwise in S3, from both runners", async () => {
    for (const text of ["plain", '"\\\n\t\u0001', "é𠀀\uFFFE\uFFFF"])
      for (const format of FORMATS)
        for (const compression of COMPRESSIONS) {
          const sql = `select repeat(${client.escapeLiteral(text)}, 50) as a`;
          const task: Task = { type: "read", sql, format, compression };
          for (const [runner, json] of await byBoth(task, 1_000_000)) {
            const [, inline = ""] = /^\{"inline":(.*),"format":/s.exec(json) ?? [];
            const size = Buffer.byteLength(inline.replace(/[\uFFFE\uFFFF]/g, "\\uFFFF"));
            for (const [maximum, field] of [
              [size, '{"inline":'],
              [size - 1, '{"location":'],
            ] as const) {
              const result = new Map(await byBoth(task, maximum)).get(runner);
              assert.equal(result?.slice(0, field.length), field, `${runner}, ${format}, ${compression}: ${text}`);
            }
          }
        }
  });

  it("has Postgres's values when Python's csv and json modules read it, from both runners, inline and in S3", async function () {
    this.timeout(propertyTimeout(300_000));
    await fc.assert(
      fc.asyncProperty(table, async ({ names, rows, inlineBytes }) => {
        const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`);
        const selects = rows.map(
          (cells) => `select ${cells.map((cell, at) => `${cell?.sql ?? "null"} as ${quoted[at]}`).join(", ")}`,
        );
        const sql = selects.join("\nunion all ");
        const cells = (await client.query({ text: sql, rowMode: "array", types: asText })).rows as (string | null)[][];
        for (const [row, line] of rows.entries())
          for (const [at, cell] of line.entries())
            if (cell?.text !== undefined) assert.equal(cells[row]?.[at], cell.text);
        const csv = [names, ...cells.map((line) => line.map((cell) => cell ?? ""))];
        const objects: unknown[] = [];
        const isAmbiguous = new Set(names).size < names.length;
        if (!isAmbiguous) {
          const asJson = `select ${quoted.map((name) => `to_json(t.${name})`).join(", ")} from (${sql}) t`;
          const json = await client.query({ text: asJson, rowMode: "array", types: asText });
          for (const line of json.rows as (string | null)[][])
            objects.push(await askPython({ names, values: line.map((cell) => cell ?? "null") }));
        }
        for (const format of FORMATS)
          for (const compression of COMPRESSIONS) {
            const task: Task = { type: "read", sql, format, compression };
            for (const [runner, text] of await byBoth(task, inlineBytes)) {
              const label = `${runner}, ${format}, ${compression}, ${inlineBytes}: ${sql}`;
              if (isAmbiguous && format !== "csv") {
                assert.match(text, /several columns have the same name/, label);
                continue;
              }
              const {
                read: found,
                rows: count,
                csv: file,
              } = (await askPython({ parse: text, format, compression })) as {
                read: unknown;
                rows: number;
                csv: string;
              };
              assert.deepEqual(found, format === "csv" ? csv : objects, label);
              assert.equal(count, cells.length, label);
              if (format !== "csv") continue;
              const back = await readByPostgres(file, names.length);
              // In a single column NULL would be a blank line, so it is written as an empty text.
              const expected = names.length > 1 ? cells : cells.map(([only]) => [only ?? ""]);
              assert.deepEqual(back, expected, label);
            }
          }
      }),
      property(25),
    );
  });

  it("does not depend on where the server's messages and chunks end", async () => {
    // Rows of about the sizes at which buffers of the runners and of the network end.
    const sql = `select n, repeat('x"', n / 2) as filler, '{"a":"é"}'::json as j
      from (values (65535), (65536), (65537), (131072), (262143), (1), (0), (262145), (5)) as v(n)`;
    const expected = (await client.query({ text: sql, rowMode: "array", types: asText })).rows;
    for (const format of FORMATS)
      for (const compression of COMPRESSIONS)
        for (const [runner, text] of await byBoth({ type: "read", sql, format, compression }, 100_000)) {
          const { read: found } = (await askPython({ parse: text, format, compression })) as {
            read: Record<string, unknown>[] | string[][];
          };
          const rows =
            format === "csv"
              ? found.slice(1)
              : (found as Record<string, unknown>[]).map(({ n, filler, j }) => [n, filler, JSON.stringify(j)]);
          assert.deepEqual(rows, expected, `${runner}, ${format}, ${compression}`);
        }
  });
});
