import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handleRequests } from "../../dispatcher/requests.ts";
import { schedule, scheduleLarger } from "../../dispatcher/schedule.ts";
import { sqsEvent } from "../../testing/dispatcher.ts";
import { requirePython } from "../../testing/python/python.ts";
import { testPlatform } from "../../testing/runner/runner.ts";

/** Memory that a run of this test has, in KiB; and a row that does not fit into it, in bytes. */
const HAS = 300_000;
const ROW = 200_000_000;

describe("a read that does not fit into the memory of a Glue run", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  let directory: string;
  let python: string;
  let real: string;
  before(async function () {
    real = requirePython(this, "python");
    directory = mkdtempSync(join(tmpdir(), "rates-glue-"));
    python = join(directory, "python");
    writeFileSync(python, `#!/bin/sh\nulimit -d ${HAS}\nexec '${real}' "$@"\n`, { mode: 0o755 });
    p = await testPlatform({ jobs: { leaseSeconds: 30 } });
  });
  after(async () => {
    await p?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  it("is detected and retried by a larger run, with the peak memory of both in the document", async function () {
    this.timeout(120_000);
    const sql = `select repeat('x', ${ROW}) as large`;
    await p.requestUnchecked({ requestId: "large", task: { type: "read", sql, format: "csv", compression: "gzip" } });
    const [small] = p.startRuns("glue", undefined, python);
    assert(small);
    assert.equal(await small.exit, 0, small.output());
    const waiting = await p.document("large");
    assert.deepEqual([waiting.status, waiting.runner, waiting.error.type], ["PENDING", "ec2", "OutOfMemory"]);

    await p.admin.query("update jobs.jobs set not_before = jobs.clock()");
    await schedule(p.context);
    const [large] = p.startRuns("ec2");
    assert(large);
    assert.equal(await large.exit, 0, large.output());
    const done = await p.document("large");
    assert.deepEqual([done.status, done.stats.rows], ["SUCCEEDED", 1]);
    const attempts: { runner: string; outcome: string; peakMemoryBytes: number; memoryBytes: number }[] = done.attempts;
    assert.deepEqual(
      attempts.map(({ runner, outcome }) => [runner, outcome]),
      [
        ["glue", "OutOfMemory"],
        ["ec2", "SUCCEEDED"],
      ],
    );
    for (const { peakMemoryBytes, memoryBytes } of attempts)
      assert(peakMemoryBytes > 1e6 && peakMemoryBytes < memoryBytes, `${peakMemoryBytes} of ${memoryBytes}`);
    assert.equal(attempts[0]?.memoryBytes, HAS * 1024);
  });

  it("is retried by a larger Glue run if reads may not use EC2, and fails at once if that has too little memory too", async function () {
    this.timeout(120_000);
    const { settings } = p.context;
    const glue = { jobName: "reads", maxCapacity: 0.0625, largerCapacity: 1, arguments: {} };
    const context = { ...p.context, settings: { ...settings, glue, jobs: { ...settings.jobs, readsOnEc2: false } } };
    const sql = `select repeat('x', ${ROW}) as large`;
    for (const [requestId, larger, ends] of [
      ["fits", real, "SUCCEEDED"],
      ["never-fits", python, "FAILED"],
    ] as const) {
      await p.admin.query("update jobs.runs set state = 'ENDED'");
      await scheduleLarger(context);
      // The SQL check would refuse this SQL; the trigger of requestUnchecked puts it into the job.
      await p.admin.query("insert into unchecked.sql values ($1, $2)", [requestId, sql]);
      await handleRequests(
        context,
        sqsEvent({ requestId, task: { type: "read", sql: "select 1", format: "csv", compression: "gzip" } }),
      );
      const [small] = p.startRuns("glue", undefined, python);
      assert(small);
      assert.equal(await small.exit, 0, small.output());
      assert.equal((await p.document(requestId)).status, "PENDING", small.output());
      await p.admin.query(
        "update jobs.jobs set high_memory_retry_at = jobs.clock() where high_memory_retry_at is not null",
      );
      assert.equal(await schedule(context), 0);
      assert.equal(await scheduleLarger(context), 1);
      const [large] = p.startRuns("glue", undefined, larger);
      assert(large);
      assert.equal(await large.exit, 0, large.output());
      const { status, attempts, error } = await p.document(requestId);
      assert.deepEqual([status, attempts.length], [ends, 2], large.output());
      assert.equal(attempts[1].memoryBytes > attempts[0].memoryBytes, larger === real);
      if (ends === "FAILED") assert.deepEqual([error.type, error.retryable], ["OutOfMemory", false]);
    }
  });
});
