import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handleRequests } from "../../dispatcher/requests.ts";
import { schedule, scheduleLarger } from "../../dispatcher/schedule.ts";
import { sqsEvent } from "../../testing/dispatcher.ts";
import { requirePython } from "../../testing/python/python.ts";
import { testPlatform } from "../../testing/runner/runner.ts";

/** Memory of a limited run, and the size of a row that does not fit into it. */
const MEMORY_KIB = 300_000;
const ROW_BYTES = 200_000_000;

describe("a read that does not fit into the memory of a Glue run", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  let directory: string;
  /** Python with limited and with unlimited memory. */
  let limitedPython: string;
  let unlimitedPython: string;
  before(async function () {
    unlimitedPython = requirePython(this, "python");
    directory = mkdtempSync(join(tmpdir(), "rates-glue-"));
    limitedPython = join(directory, "python");
    writeFileSync(limitedPython, `#!/bin/sh\nulimit -d ${MEMORY_KIB}\nexec '${unlimitedPython}' "$@"\n`, {
      mode: 0o755,
    });
    p = await testPlatform({ jobs: { leaseSeconds: 30 } });
  });
  after(async () => {
    await p?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  it("is retried on EC2, with the peak memory of both attempts in the document", async function () {
    this.timeout(240_000);
    const sql = `select repeat('x', ${ROW_BYTES}) as large`;
    await p.requestUnchecked({ requestId: "large", task: { type: "read", sql, format: "csv", compression: "gzip" } });
    const [small] = p.startRuns("glue", undefined, limitedPython);
    assert(small);
    assert.equal(await small.exit, 0, small.output());
    const waiting = await p.document("large");
    assert.deepEqual([waiting.status, waiting.runner, waiting.error.type], ["PENDING", "ec2", "OutOfMemory"]);

    await p.admin.query("update jobs.jobs set not_before = jobs.clock()");
    await schedule(p.context);
    const [large] = p.startRuns("ec2");
    assert(large);
    assert.equal(await large.exit, 0, large.output());
    const document = await p.document("large");
    assert.deepEqual([document.status, document.stats.rows], ["SUCCEEDED", 1]);
    const attempts: { runner: string; outcome: string; peakMemoryBytes: number; memoryBytes: number }[] =
      document.attempts;
    assert.deepEqual(
      attempts.map(({ runner, outcome }) => [runner, outcome]),
      [
        ["glue", "OutOfMemory"],
        ["ec2", "SUCCEEDED"],
      ],
    );
    for (const { peakMemoryBytes, memoryBytes } of attempts)
      assert(peakMemoryBytes > 1e6 && peakMemoryBytes < memoryBytes, `${peakMemoryBytes} of ${memoryBytes}`);
    assert.equal(attempts[0]?.memoryBytes, MEMORY_KIB * 1024);
  });

  it("is retried by a larger run if reads may not use EC2, and fails at once if the larger run also has too little memory", async function () {
    this.timeout(240_000);
    const { settings } = p.context;
    const glue = { jobName: "reads", maxCapacity: 0.0625, largerCapacity: 1, arguments: {} };
    const context = { ...p.context, settings: { ...settings, glue, jobs: { ...settings.jobs, readsOnEc2: false } } };
    const sql = `select repeat('x', ${ROW_BYTES}) as large`;
    for (const [requestId, largerPython, expectedStatus] of [
      ["fits", unlimitedPython, "SUCCEEDED"],
      ["never-fits", limitedPython, "FAILED"],
    ] as const) {
      await p.admin.query("update jobs.runs set state = 'ENDED'");
      await scheduleLarger(context);
      // The SQL check would refuse this SQL; the trigger of requestUnchecked puts it into the job.
      await p.admin.query("insert into unchecked.sql values ($1, $2)", [requestId, sql]);
      await handleRequests(
        context,
        sqsEvent({ requestId, task: { type: "read", sql: "select 1", format: "csv", compression: "gzip" } }),
      );
      const [small] = p.startRuns("glue", undefined, limitedPython);
      assert(small);
      assert.equal(await small.exit, 0, small.output());
      assert.equal((await p.document(requestId)).status, "PENDING", small.output());
      await p.admin.query(
        "update jobs.jobs set high_memory_retry_at = jobs.clock() where high_memory_retry_at is not null",
      );
      assert.equal(await schedule(context), 0);
      assert.equal(await scheduleLarger(context), 1);
      const [large] = p.startRuns("glue", undefined, largerPython);
      assert(large);
      assert.equal(await large.exit, 0, large.output());
      const { status, attempts, error } = await p.document(requestId);
      assert.deepEqual([status, attempts.length], [expectedStatus, 2], large.output());
      assert.equal(attempts[1].memoryBytes > attempts[0].memoryBytes, largerPython === unlimitedPython);
      if (expectedStatus === "FAILED") assert.deepEqual([error.type, error.retryable], ["OutOfMemory", false]);
    }
  });
});
