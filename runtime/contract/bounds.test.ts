import assert from "node:assert/strict";
import type pg from "pg";
import { accept, type ClaimedJob, claim, finish, heartbeat, retry, storeRefusal } from "../store/jobs.ts";
import { newJob, storeWithRun } from "../testing/jobs.ts";
import { areListedCompletely, BOUNDS, boundedDetails, cutText } from "./bounds.ts";
import { type ErrorBody, JobError } from "./errors.ts";

/** Worst-case texts: escapes of six bytes, characters that SQS refuses, halves of surrogate pairs, NUL. */
const FILLERS = ["x", "\u0001", '"', "東", "\uFFFF", "\u{1F600}"];
/** Matches text of the characters that SQS accepts in a message (SendMessage API reference). */
const SQS_CHARACTERS = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]+$/u;

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("the bounds of an error", () => {
  it("cut a message at 2,000 characters and keep its remedy", () => {
    const { message } = new JobError("InvalidCompression", { reason: "x".repeat(2_000_000) }).body();
    assert(message.length <= 2_000, `${message.length}`);
    assert.match(message, /x…\. Send it with compression 'none', or compress it again\.$/);
    assert(new JobError("InvalidSql", { reason: "y".repeat(1e6) }).message.length <= 2_000, "also in logs");
  });

  it("replace characters that Postgres cannot store or SQS refuses", () => {
    assert.equal(cutText("a\0b\uD800c\uFFFEd\uFFFF", 100), "a\uFFFDb\uFFFDc\uFFFDd\uFFFD");
    assert.equal(cutText("\u{1F600}\u{1F600}", 4), "\u{1F600}\u{1F600}");
    assert.equal(cutText("\u{1F600}\u{1F600}", 3), "\u{1F600}…");
  });

  it("keep at most 100 details, the number of further ones and the location of the report", () => {
    const rows = Array.from({ length: 250 }, (_, line) => ({ line, column: "day", value: "x", reason: "no date" }));
    const listed = boundedDetails(rows);
    assert.deepEqual([listed.length, listed[0], listed.at(-1)], [101, rows[0], { more: 150 }]);
    const report = { location: "s3://results/a/report.csv" };
    assert.deepEqual(boundedDetails([...rows, { more: 7, report }]).at(-1), { more: 157, report });
    assert.deepEqual(boundedDetails([rows[0], { more: 7, report }]), [rows[0], { more: 7, report }]);
  });

  it("list details completely up to 100 entries and 24 KiB", () => {
    const rows = (count: number, value: string) =>
      Array.from({ length: count }, (_, line) => ({ line, column: "day", value, reason: "no date" }));
    assert.ok(areListedCompletely(rows(100, "x")));
    assert.ok(!areListedCompletely(rows(101, "x")));
    assert.ok(!areListedCompletely(rows(100, "\u4E2D".repeat(100))));
  });

  it("cut names, values and nested values", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 20_000; level++) deep = [deep];
    const [entry] = boundedDetails([
      { ["n".repeat(5_000)]: "v".repeat(5_000), list: [1, 2], deep, message: "m".repeat(5_000) },
    ]);
    assert.deepEqual(
      Object.entries(entry as object).map(([name, value]) => [name.length, value.length]),
      [
        [100, 200],
        [4, 5],
        [4, "[nested too deeply]".length],
        [7, 500],
      ],
    );
  });
});

describe("the bounds of a response and a document", () => {
  let fixture: Awaited<ReturnType<typeof storeWithRun>>["fixture"];
  let dispatcher: pg.Client;
  let runner: pg.Client;
  let run: string;
  before(async () => {
    ({ fixture, dispatcher, keeper: runner, run } = await storeWithRun());
  });
  after(() => fixture.close());

  const claimJob = async (requestId: string, fields: object = {}): Promise<ClaimedJob> => {
    await fixture.admin.query("delete from jobs.jobs");
    await accept(dispatcher, [newJob(requestId, fields)]);
    const job = await claim(runner, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert(job);
    return job;
  };
  const documentOf = async (requestId: string) =>
    (await fixture.admin.query("select document from jobs.documents where request_id = $1", [requestId])).rows[0]
      .document;
  const failed = (error: ErrorBody) => ({ status: "FAILED", error, rows: 0, bytes: 0, peakMemoryBytes: 1 }) as const;
  /** An unbounded error, as a faulty runner or another version could send it. */
  const unbounded = (filler: string): ErrorBody => ({
    category: "User",
    type: "InvalidRows",
    message: filler.repeat(100_000),
    retryable: false,
    details: [
      ...Array.from({ length: 300 }, (_, line) => ({
        line,
        column: filler.repeat(100),
        value: filler.repeat(900),
        reason: filler.repeat(900),
      })),
      { more: 5, report: { location: "s3://results/report.csv" } },
    ],
  });

  for (const filler of FILLERS)
    it(`limit errors and labels of any text to 64 KiB: ${JSON.stringify(filler)}`, async () => {
      const labels = Object.fromEntries(
        Array.from({ length: 32 }, (_, index) => [`${index}${filler.repeat(60)}`, filler.repeat(256)]),
      );
      const task = { type: "read", sql: `select '${filler.repeat(20_000)}'`, format: "csv", compression: "none" };
      const response = await finish(
        runner,
        await claimJob("a", { labels, task, traceparent: TRACE }),
        failed(unbounded(filler)),
      );
      assert(response?.body);
      assert(Buffer.byteLength(response.body) <= BOUNDS.responseBytes, `${Buffer.byteLength(response.body)} bytes`);
      assert.match(response.body, SQS_CHARACTERS);
      const { error } = JSON.parse(response.body);
      assert(error.message.length <= 2 * BOUNDS.message && error.details.length <= 101);
      const { more, report } = error.details.at(-1);
      assert.deepEqual([more, report], [305 - (error.details.length - 1), { location: "s3://results/report.csv" }]);
      const document = JSON.stringify(await documentOf("a"));
      assert(Buffer.byteLength(document) <= BOUNDS.responseBytes, `${Buffer.byteLength(document)} bytes`);
      const refusal = await storeRefusal(dispatcher, {
        responseId: `r ${filler}`,
        tenant: "default",
        requestId: "b",
        error: unbounded(filler),
        labels,
        traceparent: TRACE,
      });
      assert(Buffer.byteLength(refusal.body) <= BOUNDS.responseBytes);
      assert.match(refusal.body, SQS_CHARACTERS);
    });

  it("keep details that are within the limits, and cut the error message of a retry", async () => {
    const job = await claimJob("a");
    const details = [{ line: 2, column: "price", value: "1.10", reason: "must be a whole number" }];
    const error = { ...new JobError("DatabaseUnavailable", { reason: "gone" }).body(), details };
    assert.equal(await retry(runner, job, { ...error, message: "m".repeat(1e6) }, 1), "RETRIED");
    const document = await documentOf("a");
    assert.deepEqual([document.error.message.length, document.error.details], [2_000, details]);
  });

  it("end a job with Internal if Postgres cannot parse its error", async () => {
    const job = await claimJob("a");
    const { rows } = await runner.query("select * from jobs.finish($1, $2, 'FAILED', null, $3, 0, 0, 1)", [
      job.id,
      job.attempt,
      '{"category":"User","type":"InvalidSql","message":"\\u0000","retryable":false,"details":[]}',
    ]);
    assert.equal(JSON.parse(rows[0].body).error.type, "Internal");
  });

  it("end a read as FAILED if its inline result exceeds the maximum of a response", async () => {
    // The second result is too large only because characters that SQS refuses are escaped: 6 bytes instead of 3.
    for (const inline of ["x".repeat(900_001), "\uFFFF".repeat(200_000)]) {
      const response = await finish(runner, await claimJob("a"), {
        status: "SUCCEEDED",
        result: JSON.stringify({ inline, format: "csv", rows: 1 }),
        rows: 1,
        bytes: 2,
        peakMemoryBytes: 3,
      });
      const { status, error, stats } = JSON.parse(response?.body ?? "");
      assert.deepEqual([status, error.type, stats.rows], ["FAILED", "ResultTooLarge", 0]);
      const bytes = Buffer.byteLength(JSON.stringify(inline).replaceAll("\uFFFF", "\\uffff"));
      const expected = new JobError("ResultTooLarge", { bytes, limit: BOUNDS.inlineBytes }).body();
      assert.deepEqual(error, expected);
      assert.equal((await documentOf("a")).status, "FAILED");
    }
  });

  it("allow an inline result with JSON that jsonb refuses", async () => {
    const inline = String.raw`[{"nul":"\u0000","half":"\ud800","big":1e200000,"text":"\",\"format\":\"csv\",\"rows\":1}"}]`;
    const response = await finish(runner, await claimJob("a"), {
      status: "SUCCEEDED",
      result: `{"inline":${inline},"format":"json","rows":1}`,
      rows: 1,
      bytes: 2,
      peakMemoryBytes: 3,
    });
    assert(response?.body?.includes(inline));
    assert.deepEqual((await documentOf("a")).result, { format: "json", rows: 1 });
  });

  it("allow an inline result of the maximum size", async () => {
    const inline = "x".repeat(BOUNDS.inlineBytes - 2);
    const response = await finish(runner, await claimJob("a"), {
      status: "SUCCEEDED",
      result: JSON.stringify({ inline, format: "csv", rows: 1 }),
      rows: 1,
      bytes: 2,
      peakMemoryBytes: 3,
    });
    assert.equal(JSON.parse(response?.body ?? "").result.inline, inline);
  });

  it("are enforced by the database", async () => {
    await finish(runner, await claimJob("a"), failed(new JobError("Cancelled").body()));
    await assert.rejects(fixture.admin.query("update jobs.jobs set response = repeat('x', 965537)"), { code: "23514" });
    for (const column of ["error", "result", "stats", "progress", "attempts"])
      await assert.rejects(
        fixture.admin.query(`update jobs.jobs set ${column} = jsonb_build_array(repeat('x', 100000))`),
        { code: "23514" },
        column,
      );
    const job = await claimJob("b");
    await assert.rejects(
      heartbeat(runner, run, job, { rows: 1, bytes: 1, note: "x".repeat(5_000) } as unknown as {
        rows: number;
        bytes: number;
      }),
      { code: "23514" },
    );
  });
});
