import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import pg from "pg";
import { isTerminal } from "../contract/states.ts";
import { schedule } from "../dispatcher/schedule.ts";
import { type RunnerProcess, testPlatform, type UncheckedRead } from "../testing/runner/runner.ts";

/** Two warm processes of the TypeScript runner execute all jobs of these tests. */
describe("a runner", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  let count = 0;
  const runners: RunnerProcess[] = [];
  before(async () => {
    p = await testPlatform({
      runners: { glue: { slots: 1, idleSeconds: 60 }, ec2: { slots: 1, idleSeconds: 60 } },
      jobs: { leaseSeconds: 30, inlineBytes: 2_000, reportRows: 3, maxBadRows: 50 },
    });
  });
  after(async () => {
    // A drained runner ends by itself, with nothing lost.
    for (const { child } of runners) child.kill("SIGTERM");
    for (const { exit, output } of runners) assert.equal(await exit, 0, output());
    await p.close();
  });

  /** Submits a task and starts a planned run. Returns the requestId. */
  const submit = async (task: object, rest: object = {}): Promise<string> => {
    const requestId = `job-${++count}`;
    if ("sql" in task) await p.requestUnchecked({ requestId, task: task as UncheckedRead["task"], ...rest });
    else await p.request({ requestId, task, ...rest });
    await schedule(p.context);
    for (const runnerType of ["glue", "ec2"] as const) {
      const runs = p.launcher.started.length;
      if (
        runs > 0 &&
        (await p.admin.query("select from jobs.runs where state = 'STARTING' and runner = $1", [runnerType])).rows
          .length > 0
      )
        runners.push(...p.startRuns(runnerType));
    }
    return requestId;
  };
  const responseOf = async (requestId: string) => {
    await p.until(`${requestId} ends`, async () => isTerminal((await p.document(requestId)).status));
    return JSON.parse(
      (
        await p.admin.query(
          "select r.body from jobs.responses r join jobs.jobs j on j.id = r.job_id where j.request_id = $1",
          [requestId],
        )
      ).rows[0].body,
    );
  };
  const run = async (task: object, rest: object = {}) => responseOf(await submit(task, rest));
  const sql = (text: string, more: object = {}) => run({ type: "read", sql: text, ...more });
  const prices = async () => (await p.admin.query("select count(*)::int as n from prices")).rows[0].n;

  it("returns a result inline: csv and ndjson as text, json as JSON, gzip as base64", async () => {
    const query = "select n, 'a\"\\,é' || chr(10) as t, null as z from generate_series(1, 2) n";
    assert.equal((await sql(query)).result.inline, 'n,t,z\n1,"a""\\,é\n",\n2,"a""\\,é\n",\n');
    const rows = [1, 2].map((n) => ({ n, t: 'a"\\,é\n', z: null }));
    assert.deepEqual((await sql(query, { format: "json" })).result, { inline: rows, format: "json", rows: 2 });
    const lines = (await sql(query, { format: "ndjson" })).result.inline;
    assert.deepEqual(
      lines
        .trim()
        .split("\n")
        .map((line: string) => JSON.parse(line)),
      rows,
    );
    const packed = (await sql(query, { format: "json", compression: "gzip" })).result.inline;
    assert.deepEqual(JSON.parse(gunzipSync(Buffer.from(packed, "base64")).toString()), rows);
    assert.deepEqual((await sql("select 1 where false", { format: "json" })).result, {
      inline: [],
      format: "json",
      rows: 0,
    });
  });

  it("puts a result that is too large for a response into S3, with its size and checksum", async () => {
    const { result, stats } = await sql("select n, repeat('x', 50) as t from generate_series(1, 200000) n", {
      compression: "gzip",
    });
    assert.deepEqual(Object.keys(result), ["location", "format", "compression", "rows", "bytes", "sha256"]);
    const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(result.location) ?? [];
    assert.match(
      key ?? "",
      /^[0-9a-f]{32}\/1\/result\.csv\.gz$/,
      "the key is unique per attempt, and has no text from the caller",
    );
    const object = await p.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const bytes = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
    assert.deepEqual([bytes.length, createHash("sha256").update(bytes).digest("hex")], [result.bytes, result.sha256]);
    assert.equal(gunzipSync(bytes).toString().trim().split("\n").length, 200_001);
    assert.deepEqual([stats.rows, stats.bytes, result.rows], [200_000, result.bytes, 200_000]);
    assert(stats.peakMemoryBytes > 0 && stats.executionMs > 0);
  });

  it("runs named queries with their parameters", async () => {
    const { result } = await run({
      type: "read",
      query: "average_rates",
      params: { date_from: "2021-01-01", date_to: "2021-01-02", orig_code: "AAAAA", dest_code: "north" },
      format: "json",
    });
    assert.deepEqual(
      result.inline.map((row: { day: string }) => row.day),
      ["2021-01-02", "2021-01-01"],
    );
  });

  for (const [name, text, code] of [
    ["a second statement", "select 1; delete from regions", "NotOneStatement"],
    ["SQL that closes the parenthesis of COPY", "select 1) to stdout; delete from regions; --", "InvalidSql"],
    ["an unterminated comment", "select 1 /*", "InvalidSql"],
    ["an insert", "insert into regions values ('x', 'x') returning *", "InvalidSql"],
    ["a CTE that deletes", "with gone as (delete from regions returning *) select * from gone", "InvalidSql"],
    [
      "a changed read-only setting",
      "select set_config('transaction_read_only', 'off', false), set_config('default_transaction_read_only', 'off', false)",
      "NotReadOnly",
    ],
    ["a large object", "select lo_create(4711)", "NotReadOnly"],
    ["the jobs of all callers", "select * from jobs.jobs", "InvalidSql"],
    ["a file of the server", "select pg_read_file('postgresql.conf')", "InvalidSql"],
    ["an EXPLAIN that would run it", "analyze delete from regions", "InvalidSql"],
    ["an unknown table", "select * from nowhere", "InvalidSql"],
    ["a division by zero after some rows", "select 1 / (500 - n) from generate_series(1, 1000) n", "InvalidSql"],
  ] as const)
    it(`fails a read with a user error, and writes nothing: ${name}`, async () => {
      const response = await sql(text);
      assert.deepEqual([response.status, response.error?.category], ["FAILED", "User"], JSON.stringify(response));
      assert.equal(response.error.type, code, response.error.message);
      const { rows } = await p.admin.query(
        "select (select count(*) from regions)::int as regions, (select count(*) from pg_largeobject_metadata)::int as objects",
      );
      assert.deepEqual(rows, [{ regions: 1, objects: 0 }]);
    });

  it("reports where in the SQL an error is, and what the server suggests", async () => {
    const { error } = await sql('select 1 as "é🚢",\n  nme from ports');
    assert.match(
      error.message,
      /column "nme" does not exist \(line 2, column 3\)\. Perhaps you meant to reference the column "ports\.name"\./,
    );
  });

  it("resets settings of one job's SQL before the next job", async () => {
    await sql(
      "select set_config('TimeZone', 'Asia/Tokyo', false), set_config('search_path', 'pg_temp', false), pg_advisory_lock(1)",
    );
    const { result } = await sql(
      "select current_setting('TimeZone') <> 'Asia/Tokyo' as zone, current_setting('search_path') <> 'pg_temp' as path",
      { format: "json" },
    );
    assert.deepEqual(result.inline, [{ zone: true, path: true }]);
    assert.equal(
      (
        await p.admin.query(
          "select count(*)::int as n from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
        )
      ).rows[0].n,
      0,
    );
  });

  it("ends a read at its timeout although its SQL disables statement_timeout, and reports TimedOut", async () => {
    const startedAt = Date.now();
    const response = await run(
      {
        type: "read",
        sql: "select set_config('statement_timeout', '0', true), n, pg_sleep(0.5) from generate_series(1, 100) n",
      },
      { timeoutSeconds: 1 },
    );
    assert.deepEqual([response.status, response.error.type], ["FAILED", "TimedOut"]);
    assert(Date.now() - startedAt < 15_000);
    const { rows } = await p.admin.query(
      "select from pg_stat_activity where datname = current_database() and usename like 'job_reader%' and query like '%pg_sleep(0.5)%' and state = 'active'",
    );
    assert.equal(rows.length, 0);
  });

  it("reports CANCELLED only when its database session has ended", async () => {
    const requestId = await submit({ type: "read", sql: "select n, pg_sleep(0.5) from generate_series(1, 1000) n" });
    await p.until("it runs", async () => (await p.document(requestId)).status === "IN_PROGRESS");
    const { rows: before } = await p.admin.query(
      "select backend_pid, backend_start::text from jobs.jobs where request_id = $1",
      [requestId],
    );
    const reader = await p.as("api_reader");
    const { rows: cancelled } = await reader.query("select jobs.cancel('default', $1, 'wrong month') as status", [
      requestId,
    ]);
    assert.deepEqual(cancelled, [{ status: "IN_PROGRESS" }]);
    const response = await responseOf(requestId);
    assert.deepEqual([response.status, response.error.type], ["CANCELLED", "Cancelled"]);
    assert.equal(response.error.message, "The job was cancelled on request. Reason: wrong month");
    const { rows } = await p.admin.query("select from pg_stat_activity where pid = $1 and backend_start = $2", [
      before[0].backend_pid,
      before[0].backend_start,
    ]);
    assert.equal(rows.length, 0);
    assert.equal((await sql("select 1")).status, "SUCCEEDED", "the runner continues with a new session");
  });

  const items = (price: number) => [{ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price }];
  const update = (source: object, more: object = {}) => run({ type: "update", target: "prices", source, ...more });

  it("loads inline items, replaces them, and runs a named statement", async () => {
    assert.deepEqual((await update({ inline: items(5) })).result, {
      inline: { rows: 1, removed: 0, dryRun: false },
      format: "json",
      rows: 1,
    });
    assert.deepEqual((await update({ inline: items(6) }, { mode: "replace" })).result.inline, {
      rows: 1,
      removed: 1,
      dryRun: false,
    });
    assert.deepEqual((await p.admin.query("select price from prices")).rows, [{ price: 6 }]);
    assert.deepEqual(
      (await run({ type: "update", statement: "purge_prices", params: { before: "2021-02-01" } })).result.rows,
      1,
    );
    assert.equal(await prices(), 0);
  });

  it("changes nothing in a dry run, and reports what it would have done", async () => {
    assert.deepEqual((await update({ inline: items(5) }, { dryRun: true })).result.inline, {
      rows: 1,
      removed: 0,
      dryRun: true,
    });
    assert.equal(await prices(), 0);
  });

  it("changes nothing for a batch with bad rows, and responds with the complete report", async () => {
    const response = await update({ inline: [...items(5), ...items(0), ...items(-1), ...items(-2), ...items(-3)] });
    assert.deepEqual(
      [response.status, response.error.type, response.error.retryable],
      ["FAILED", "InvalidRows", false],
    );
    const [first, , , rest] = response.error.details;
    assert.deepEqual(first, {
      line: 2,
      column: "price",
      value: "0",
      reason: "must be a whole number above 0, written in digits",
    });
    assert.deepEqual([rest.more, rest.report.rows], [1, 4]);
    const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(rest.report.location) ?? [];
    const report = await (
      await p.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    ).Body?.transformToString();
    assert.equal(report?.split("\n")[4], '5,price,-3,"must be a whole number above 0, written in digits"');
    assert.equal(await prices(), 0);
  });

  it("stops reading a small file with very many bad rows, and reports that in the error, in a dry run too", async () => {
    await p.s3.send(
      new PutObjectCommand({
        Bucket: "uploads",
        Key: "bomb.csv.gz",
        Body: gzipSync(`orig_code,dest_code,day,price\n${",,,\n".repeat(5_000_000)}`),
      }),
    );
    for (const dryRun of [false, true]) {
      const { error } = await update({ s3: "s3://uploads/bomb.csv.gz" }, { compression: "gzip", dryRun });
      assert.equal(error.type, "InvalidRows", JSON.stringify(error));
      assert.match(
        error.message,
        /^50 of \d+ rows cannot be used; nothing was changed\. Reading stopped after \d+ rows, at the maximum of 50 bad rows \(jobs\.maxBadRows\)/,
      );
      const { stopped, report, more } = error.details.at(-1);
      assert(stopped, JSON.stringify(error));
      assert.equal(stopped.setting, "jobs.maxBadRows");
      assert(stopped.rows < 200_000, `${stopped.rows} rows read`);
      assert.equal(report.rows, more + 3);
    }
    assert.equal(await prices(), 0);
  });

  it("blocks no other writers and readers of prices, in either mode", async () => {
    const blocker = new pg.Client(p.database.url);
    await blocker.connect();
    await p.admin.query(`
      create function hold() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(4242); return null; end';
      create trigger hold after insert on prices for each statement execute function hold()`);
    try {
      for (const mode of ["append", "replace"]) {
        await blocker.query("begin; select pg_advisory_xact_lock(4242)");
        const requestId = await submit({ type: "update", target: "prices", mode, source: { inline: items(3) } });
        const locks = async () =>
          (
            await p.admin.query(
              `select distinct mode from pg_locks where relation = 'prices'::regclass and pid in
                 (select pid from pg_locks where locktype = 'advisory' and objid = 4242 and not granted)`,
            )
          ).rows.map((row) => row.mode);
        await p.until("the load waits", async () => (await locks()).length > 0);
        const allowed = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];
        assert.deepEqual(
          (await locks()).filter((lock) => !allowed.includes(lock)),
          [],
          mode,
        );
        await blocker.query("commit");
        assert.equal((await responseOf(requestId)).status, "SUCCEEDED");
      }
    } finally {
      await blocker.end();
      await p.admin.query("drop trigger hold on prices; drop function hold(); truncate prices");
    }
  });

  it("loads the version of an object that existed when the request was accepted, or nothing", async () => {
    const put = (body: string) => p.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "prices.csv", Body: body }));
    await put("orig_code,dest_code,day,price\nAAAAA,BBBBB,2021-01-01,7\n");
    assert.equal((await update({ s3: "s3://uploads/prices.csv" })).result.rows, 1);
    await p.admin.query("truncate prices");
    await p.admin.query("begin; lock table prices in access exclusive mode");
    const blocker = await submit({ type: "update", target: "prices", source: { inline: items(1) } });
    const requestId = await submit({ type: "update", target: "prices", source: { s3: "s3://uploads/prices.csv" } });
    await put("orig_code,dest_code,day,price\nAAAAA,BBBBB,2021-01-01,8\n");
    await p.admin.query("commit");
    await responseOf(blocker);
    assert.deepEqual((await responseOf(requestId)).error.type, "SourceChanged");
    assert.equal(await prices(), 1);
    await p.admin.query("truncate prices");
  });

  it("refuses a file that is declared as gzip but is not", async () => {
    await p.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "broken.csv.gz", Body: "plain" }));
    assert.equal(
      (await update({ s3: "s3://uploads/broken.csv.gz" }, { compression: "gzip" })).error.type,
      "InvalidCompression",
    );
  });

  it("stores no signed URL in any document", async () => {
    await p.request({
      requestId: "signed",
      task: { type: "update", target: "prices", source: { url: "https://allowed.example.com/x.csv?signature=secret" } },
    });
    const { rows } = await p.admin.query("select document::text as d from jobs.documents");
    for (const { d } of rows) assert.doesNotMatch(d, /secret/);
  });
});
