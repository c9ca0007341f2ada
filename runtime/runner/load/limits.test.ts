import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import type { Target } from "../../contract/request.ts";
import { BAD_ROWS, HEADER } from "../../testing/runner/badRows.ts";
import { type Batch, loadBatch, MAX_BYTES_WITHOUT_ROW } from "./batch.ts";
import { gunzip } from "./gunzip.ts";
import type { StagingLimits } from "./sink.ts";

const ROWS = 10_000_000;

describe("loading a batch beyond its limits", () => {
  let database: Scratch;
  let writer: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    writer = await database.connect("job_writer");
    const admin = await database.connect();
    await admin.query(`insert into regions values ('north', 'North', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
  });
  after(() => database.drop());

  /** Loads and rolls back; returns the bad rows, the report, and how much of the source was read. */
  const load = async (target: Target, content: Batch["content"], limits: Partial<StagingLimits> = {}) => {
    let read = 0;
    await writer.query("begin");
    try {
      const loaded = await loadBatch(writer, {
        target,
        mode: "append",
        content,
        reportRows: 3,
        limits: { maxBadRows: 1_000, stagedBytes: 1e9, ...limits },
        signal: new AbortController().signal,
        onProgress: ({ bytes }) => {
          read = bytes;
        },
        onCopy() {},
      });
      assert("bad" in loaded, JSON.stringify(loaded));
      let report = "";
      for await (const chunk of loaded.bad.report()) report += chunk;
      const { rows } = await writer.query(
        "select pg_relation_size('batch')::float8 as batch, pg_relation_size('faults')::float8 as faults",
      );
      return { ...loaded, report: report.trim().split("\n"), read, size: rows[0].batch + rows[0].faults };
    } finally {
      await writer.query("rollback");
    }
  };
  const repeated = async function* (start: string, row: (index: number) => string, rows = ROWS) {
    yield Buffer.from(start);
    for (let at = 0; at < rows; at += 1_000)
      yield Buffer.from(Array.from({ length: 1_000 }, (_, index) => row(at + index)).join(""));
  };

  for (const [name, target, format, row] of BAD_ROWS)
    it(`stops early at ${name}, and the report says so`, async function () {
      this.timeout(60_000);
      const start = format === "csv" ? HEADER[target] : "";
      const { bad, stopped, rows, report, read, size } = await load(target, {
        format,
        bytes: repeated(start, row),
      });
      assert.deepEqual([bad.rows, bad.isTruncated || rows === 1_000, bad.first.length], [1_000, true, 3]);
      assert.deepEqual(stopped, { setting: "jobs.maxBadRows", maximum: 1_000, rows });
      assert(rows <= 110_000, `${rows} rows read`);
      assert(read < 20_000_000, `${read} bytes read`);
      assert(size < 50_000_000, `${size} bytes in the database`);
      assert.equal(report.length - 1, bad.problemCount, "the report lists every fault and the stop");
      assert.match(
        report.at(-1) ?? "",
        /^\d+,,,"?Reading stopped after \d+ rows, at the maximum of 1000 bad rows \(jobs.maxBadRows\)/,
      );
    });

  it("stops at the maximum of bad rows in the items of a request", async () => {
    const items = Array.from({ length: 5_000 }, () => ({ price: "x" }));
    const { stopped, rows } = await load("prices", { items });
    assert.deepEqual([stopped?.setting, rows], ["jobs.maxBadRows", 1_000]);
  });

  it("reports exactly the maximum number of bad rows without a message that reading stopped", async () => {
    const items = Array.from({ length: 10 }, () => ({ price: "x" }));
    const { stopped, bad, report } = await load("prices", { items }, { maxBadRows: 10 });
    assert.deepEqual([stopped, bad.rows, report.length - 1], [undefined, 10, bad.problemCount]);
  });

  it("lists no more bad rows than the maximum if the database finds more at the end", async () => {
    const items = Array.from({ length: 10 }, () => ({
      orig_code: "X",
      dest_code: "BBBBB",
      day: "2021-01-01",
      price: 1,
    }));
    const { stopped, incomplete, bad, report } = await load("prices", { items }, { maxBadRows: 4 });
    assert.deepEqual([stopped, bad.rows], [undefined, 4]);
    assert.equal(incomplete, "There are more bad rows: only the first 4 are listed (jobs.maxBadRows).");
    assert(report.at(-1)?.includes(incomplete));
  });

  it("refuses a valid batch that takes too much space in the database, and names the limit", async () => {
    const bytes = repeated(HEADER.prices, () => "AAAAA,BBBBB,2021-01-01,5\n");
    await assert.rejects(load("prices", { format: "csv", bytes }, { stagedBytes: 1_000_000 }), {
      code: "BatchTooLarge",
      message: /1000000 bytes in the database \(jobs.stagedBytes\); reading stopped after \d+ rows/,
    });
  });

  it("reports the bad rows of a batch that takes too much space in the database", async () => {
    const bytes = repeated(HEADER.prices, (at) => `${at ? "AAAAA" : "X"},BBBBB,2021-01-01,5\n`);
    const { stopped, bad, rows } = await load("prices", { format: "csv", bytes }, { stagedBytes: 1_000_000 });
    assert.deepEqual([stopped, bad.rows], [{ setting: "jobs.stagedBytes", maximum: 1_000_000, rows }, 1]);
  });

  it("shortens long values and rows with many faults in the report", async () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`n${at}`, at]));
    const rows = [JSON.stringify(many), `{"orig_code":"${"x".repeat(900_000)}"}`];
    const bytes = async function* () {
      for (let at = 0; at < 100; at++) yield Buffer.from(`${rows[at % 2]}\n`);
    };
    const { report } = await load("prices", { format: "ndjson", bytes: bytes() }, { maxBadRows: 20 });
    assert(report.join().length < 100_000, `${report.join().length} characters`);
    assert(report.some((line) => /has 49992 more fields/.test(line)));
  });

  it("stops within a small archive that unpacks to a million bad rows", async () => {
    const packed: Buffer[] = [];
    for await (const chunk of Readable.from(repeated(HEADER.prices, () => ",,,\n", 1_000_000)).pipe(createGzip()))
      packed.push(chunk);
    const bytes = gunzip(Readable.from(packed), "s3://uploads/bomb.csv.gz", 1e9);
    const { stopped, read } = await load("prices", { format: "csv", bytes });
    assert.equal(stopped?.setting, "jobs.maxBadRows");
    assert(read < 1_000_000, `${read} bytes unpacked`);
  });

  for (const [name, format, start, unit] of [
    ["endless blank lines of CSV", "csv", HEADER.prices, "\n"],
    ["endless blank lines of NDJSON", "ndjson", "", " \r\n"],
    ["a quote that is left open", "csv", `${HEADER.prices}"`, "a\n"],
    ["a line that does not end", "csv", `${HEADER.prices}a`, ","],
    ["an object that does not end", "ndjson", '{"', "a"],
  ] as const)
    it(`stops reading at ${name}`, async () => {
      let sent = 0;
      const bytes = (async function* () {
        yield Buffer.from(start);
        for (; ; sent += 64 * 1024) yield Buffer.from(unit.repeat((64 * 1024) / unit.length));
      })();
      await assert.rejects(load("prices", { format, bytes }), (error: { code?: string; message: string }) => {
        assert.equal(error.code, "InvalidFormat");
        assert.match(error.message, new RegExp(`^The source is not ${format.toUpperCase()}: .* bytes without a row`));
        return true;
      });
      assert.ok(sent < 2 * MAX_BYTES_WITHOUT_ROW, `${sent} bytes were read`);
    });
});
