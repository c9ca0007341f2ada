import assert from "node:assert/strict";
import fc from "fast-check";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing.ts";
import { type PythonReader, pythonReader } from "../testing/pythonReader.ts";
import { loadBatch } from "./batch.ts";

/** Pieces of a CSV record as people, spreadsheets and faulty programs write them. */
const csvPiece = fc.constantFrom(
  "a",
  "é",
  "\u{1F6A2}",
  " ",
  '"',
  '""',
  ",",
  "\n",
  "\r\n",
  "\r",
  '"x"',
  '"a,b"',
  '"\n"',
  "'",
  "\\",
  "\\.",
  "\t",
  ";",
  "\u00A0",
);
const csvRow = fc.array(csvPiece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const jsonText = fc.constantFrom(
  '"a"',
  '"\\u0061"',
  '"é\\n"',
  '"\\ud83d\\udea2"',
  '"\\ud83d"',
  "null",
  '""',
  "1",
  "{}",
  '"\u2028"',
  '" "',
);

describe("a file, beside Python's readers", () => {
  let database: Scratch;
  let writer: pg.Client;
  let reader: PythonReader | undefined;
  const ask = (request: object) => reader?.ask(request) ?? Promise.reject(new Error("Python was not started"));
  before(async function () {
    database = await migratedDatabase();
    writer = await database.connect("job_writer");
    reader = pythonReader(this, database.url);
  });
  after(async () => {
    reader?.close();
    await database?.drop();
  });

  /** Loads regions and rolls back: what the table then holds, or the faults; undefined for a header that is refused. */
  const load = async (format: "csv" | "ndjson", text: string) => {
    await writer.query("begin");
    try {
      const loaded = await loadBatch(writer, {
        target: "regions",
        mode: "append",
        content: {
          format,
          bytes: (async function* () {
            yield Buffer.from(text);
          })(),
        },
        reportRows: 100,
        limits: { maxBadRows: 1_000, stagedBytes: 1e9 },
        signal: new AbortController().signal,
        onProgress() {},
        onCopy() {},
      });
      if ("bad" in loaded) {
        for (const { line, reason } of loaded.bad.first)
          assert(line >= 1 && reason !== "", JSON.stringify(loaded.bad.first));
        assert(loaded.bad.first.length > 0);
        return undefined;
      }
      const { rows } = await writer.query("select slug, name, parent_slug from regions order by slug");
      return rows;
    } finally {
      await writer.query("rollback");
    }
  };
  /** A reader's rows as the table holds them. */
  const stored = (rows: readonly (readonly [string, string, string | null | undefined])[]) =>
    rows
      .map(([slug, name, parent]) => ({ slug, name, parent_slug: parent || null }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.slug), Buffer.from(b.slug)));

  it("of CSV is loaded as they read it, or refused with line and reason", async function () {
    this.timeout(60_000);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(csvRow, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        async (names, end) => {
          const text = ["slug,name,parent_slug", ...names.map((name, at) => `r${at},${name},`)].join(end);
          const rows = await load("csv", text);
          if (rows === undefined) return;
          taken++;
          const [, ...read] = (await ask({ csv: text })) as [string, string, string][];
          assert.deepEqual(rows, stored(read));
        },
      ),
      { numRuns: 200 },
    );
    assert(taken > 5, `${taken} of 200 files were taken`);
  });

  it("of NDJSON is loaded as they read it, or refused with line and reason", async function () {
    this.timeout(60_000);
    let taken = 0;
    const field = fc.tuple(fc.constantFrom('"name"', '"n\\u0061me"', '"parent_slug"', '"other"'), jsonText);
    const row = fc.tuple(
      fc.array(field, { maxLength: 2 }),
      jsonText,
      fc.constantFrom("", " ", "\t", "\uFEFF", "\u00A0"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 3 }),
        fc.constantFrom("\n", "\r\n", "\n\n"),
        async (rows, end) => {
          const lines = rows.map(([fields, name, space], at) => {
            const all = [
              ['"slug"', `"r${at}"`],
              ['"name"', name],
              ...fields.filter(([key]) => key !== '"name"' || at > 0),
            ];
            return `${space}{${all.map(([key, value]) => `${key}${space === " " ? " : " : ":"}${value}`).join(",")}}`;
          });
          const text = lines.join(end);
          const found = await load("ndjson", text);
          if (found === undefined) return;
          taken++;
          const read = (await ask({ ndjson: text.replace(/^\uFEFF/, "") })) as Record<string, string>[];
          assert.deepEqual(
            found,
            stored(read.map(({ slug = "", name = "", parent_slug }) => [slug, name, parent_slug])),
          );
        },
      ),
      { numRuns: 200 },
    );
    assert(taken > 5, `${taken} of 200 files were taken`);
  });
});
