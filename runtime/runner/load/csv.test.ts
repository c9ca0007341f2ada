import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import { escapeInvisible } from "../../contract/invisible.ts";
import { csvRecords, MISPLACED_QUOTE, wrongFields } from "./csv.ts";
import { ndjsonRecords } from "./records.ts";
import { MAX_RECORD_BYTES, Sink } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

const TABLE: TargetTable = {
  columns: [
    { name: "a", json: "string", reason: "null" },
    { name: "b", json: "string", reason: "null" },
  ],
  joins: "",
  insert: "",
};

const splitInto = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));

async function* chunked(chunks: Iterable<Buffer>) {
  yield* chunks;
}

/** Returns the scanner's output for COPY. */
async function scan(chunks: Iterable<Buffer>): Promise<string> {
  let text = "";
  const sink = new Sink(2, undefined, 16);
  for await (const part of csvRecords(chunked(chunks), TABLE, "pairs", sink, () => undefined)) text += part;
  assert.equal(sink.rows === 0, text === "");
  return text;
}

/**
 * Returns the expected output, computed simply: record by record and field by field, by regular expressions.
 * @param quotes - `hasMisplaced` is set if an unquoted field has a quote in it.
 */
function expectedOutput(text: string, quotes = { hasMisplaced: false }): string {
  let out = "";
  let line = 2;
  for (let rest = text; rest !== ""; ) {
    let record = "";
    let fields = 1;
    let reason: string | undefined;
    for (;;) {
      const [quoted = ""] = /^(?:"[^"]*")*/.exec(rest) ?? [];
      const isOpen = rest.startsWith('"', quoted.length);
      const end = isOpen ? rest.length : quoted.length + (/[,\r\n]|$/.exec(rest.slice(quoted.length))?.index ?? 0);
      if (isOpen) reason = "leaves a quote open";
      else if (rest.slice(quoted.length, end).includes('"')) {
        reason ??= MISPLACED_QUOTE;
        quotes.hasMisplaced = true;
      }
      record += rest.slice(0, end);
      rest = rest.slice(end);
      if (!rest.startsWith(",")) break;
      record += ",";
      rest = rest.slice(1);
      fields++;
    }
    const [lineEnd = ""] = /^(?:\r\n|\r|\n)?/.exec(rest) ?? [];
    rest = rest.slice(lineEnd.length);
    reason ??= fields === 2 ? undefined : wrongFields(Buffer.from(record), fields, 2);
    const problem = JSON.stringify([{ column: null, value: escapeInvisible(record), reason }]);
    if (record !== "" && reason === undefined) out += `${record},${line},\n`;
    else if (record !== "") out += `,,${line},"${problem.replaceAll('"', '""')}"\n`;
    line += (record + lineEnd).match(/\r\n|\r|\n/g)?.length ?? 0;
  }
  return out;
}

describe("reading CSV", () => {
  const text = fc
    .array(fc.constantFrom("x", "é", ",", "\n", "\r\n", "\r", '""', '"x"', '"\n"', '"\r\n"', '",\r"', '"""'), {
      maxLength: 25,
    })
    .map((parts) => parts.join(""));

  it("splits records like a simple reader, wherever the chunks end", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (text, size) => {
        assert.equal(await scan(splitInto(Buffer.from(`b,a\n${text}`), size)), expectedOutput(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("accepts no record that Postgres's COPY refuses, and reads the same values as COPY", async function () {
    this.timeout(60_000);
    const database: Scratch = await migratedDatabase();
    const client = await database.connect();
    try {
      await client.query("create temp table pairs (a text, b text, line bigint, problem text)");
      const line = fc.stringMatching(/^[x,"\\.é ]{1,8}$/);
      const copied = async (copy: string, bytes: AsyncIterable<Buffer>) => {
        await client.query("truncate pairs");
        await pipeline(Readable.from(bytes), client.query(copyFrom(copy)));
        const { rows } = await client.query<{ a: string; b: string; problem: string | null }>(
          "select a, b, problem from pairs order by ctid",
        );
        return rows;
      };
      const copyRows = (text: string) =>
        copied("copy pairs (a, b) from stdin (format csv)", chunked([Buffer.from(text)])).catch(
          (error: pg.DatabaseError) => {
            assert.equal(error.code, "22P04", error.message);
            return undefined;
          },
        );
      await fc.assert(
        fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 4 }), async (lines) => {
          const text = `${lines.join("\n")}\n`;
          const source = chunked([Buffer.from(`a,b\n${text}`)]);
          const scannerRows = await copied(
            "copy pairs from stdin (format csv)",
            csvRecords(source, TABLE, "pairs", new Sink(2), () => undefined),
          );
          const expected = await copyRows(text);
          // COPY treats a quote within an unquoted field as an opening quote. The scanner refuses such a record.
          const quotes = { hasMisplaced: false };
          expectedOutput(text, quotes);
          if (quotes.hasMisplaced) return assert.ok(scannerRows.some((row) => row.problem !== null));
          if (scannerRows.some((row) => row.problem !== null)) assert.equal(expected, undefined);
          else assert.deepEqual(scannerRows, expected);
        }),
        { numRuns: 300, examples: [[['\\",",x']]] },
      );
    } finally {
      await database.drop();
    }
  });

  it("reports a record that is too long at its line, and continues after it", async () => {
    const long = "x".repeat(MAX_RECORD_BYTES - 1);
    for (const size of [64 * 1024, 5 * MAX_RECORD_BYTES]) {
      const text = await scan(
        splitInto(Buffer.from(`a,b\n1,2\n${long},y\n3,4\n"${long}\n\n"\n${long.slice(1)},y\r\n5,6`), size),
      );
      const rows = text.split("\n").map((row) => (row.length > 500 ? `${row.length} characters` : row));
      assert.deepEqual(
        rows.map((row) => row.replaceAll("x", "")),
        [
          "1,2,2,",
          `,,3,"[{""column"":null,""value"":""…"",""reason"":""does not end within ${MAX_RECORD_BYTES} bytes; is a quote left open?""}]"`,
          "3,4,4,",
          `,,5,"[{""column"":null,""value"":""\\""…"",""reason"":""does not end within ${MAX_RECORD_BYTES} bytes; is a quote left open?""}]"`,
          `${MAX_RECORD_BYTES + ",8,".length} characters`,
          "5,6,9,",
          "",
        ],
      );
    }
  });

  it("needs about the same memory for two hundred thousand bad rows as for the first few", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heldMemory = async () => {
      // Buffers are freed one turn of the event loop after the objects that hold them.
      for (let turn = 0; turn < 3; turn++) await setImmediate(collect());
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    for (const [read, header, row] of [
      [csvRecords, "a,b\n", `${"x".repeat(500)}\n`],
      [ndjsonRecords, "", `{"a": ${"1".repeat(500)}}\n`],
    ] as const) {
      const source = async function* () {
        yield Buffer.from(header);
        for (let chunk = 0; chunk < 2_000; chunk++) yield Buffer.from(row.repeat(100));
      };
      const sink = new Sink(2);
      const records =
        read === csvRecords
          ? csvRecords(source(), TABLE, "pairs", sink, () => undefined)
          : ndjsonRecords(source(), TABLE, sink);
      let first = 0;
      let max = 0;
      let chunkCount = 0;
      for await (const _chunk of records) {
        if (++chunkCount % 500 !== 5) continue;
        max = Math.max(max, await heldMemory());
        first ||= max;
      }
      assert.equal(sink.badRows, 200_000);
      assert(max - first < 10_000_000, `${first} bytes held at first, ${max} at most`);
    }
  });
});
