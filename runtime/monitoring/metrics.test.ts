import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { ROLES } from "../platform/postgres.ts";
import { backendOf } from "../store/backend.ts";
import { accept, cancel, claim, finish, runStarted } from "../store/jobs.ts";
import { planRuns, runRefused } from "../store/runs.ts";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { PLATFORM_METRICS, RUNNER_METRICS, readMetrics } from "./metrics.ts";

const OUT_OF_MEMORY = { category: "System", type: "OutOfMemory", message: "m", retryable: true, details: [] };

describe("metrics from the database", () => {
  let d: Awaited<ReturnType<typeof jobDatabase>>;
  beforeEach(async () => {
    d = await jobDatabase();
  });
  afterEach(() => d.close());

  /** Metrics as the dispatcher reads them. */
  const metrics = async () => readMetrics(await d.as("dispatcher"), 1);
  /** Moves all past events into the last complete minute. */
  const moveToLastMinute = async () => {
    await d.admin.query(
      `update jobs.jobs set finished_at = case when finished_at is not null then date_trunc('minute', jobs.clock()) - interval '30 seconds' end,
         attempts = (select jsonb_agg(case when a ? 'endedAt' then
           jsonb_set(a, '{endedAt}', to_jsonb(jobs.iso(date_trunc('minute', jobs.clock()) - interval '30 seconds'))) else a end)
           from jsonb_array_elements(attempts) a)
       where attempt > 0`,
    );
    await d.admin.query(
      "update jobs.runs set ended_at = date_trunc('minute', jobs.clock()) - interval '30 seconds' where state = 'ENDED'",
    );
  };
  /** Starts a run of a type; `next` claims its next job. */
  const run = async (runner: "glue" | "ec2" = "glue") => {
    const keeper = await d.as("job_keeper");
    const [id = ""] = await planRuns(await d.as("dispatcher"), testPlan(runner, 1));
    await runStarted(keeper, id);
    const reader = await d.as("job_reader");
    const next = async () => {
      const job = await claim(keeper, id, await backendOf(reader), undefined);
      assert(job);
      return job;
    };
    return { id, keeper, next };
  };

  it("are those of the registry, and zero or null when nothing happened", async () => {
    const { platform, ...runners } = await metrics();
    assert.deepEqual(Object.keys(platform).sort(), Object.keys(PLATFORM_METRICS).sort());
    assert.deepEqual(Object.keys(runners).sort(), ["ec2", "glue"]);
    for (const metrics of Object.values(runners)) {
      assert.deepEqual(Object.keys(metrics).sort(), Object.keys(RUNNER_METRICS).sort());
      const { queueTime, runTime, peakMemory, ...counts } = metrics;
      assert.deepEqual([queueTime, runTime, peakMemory], [null, null, null]);
      assert.ok(Object.values(counts).every((value) => value === 0));
    }
    // Other tests hold locks on the same server at the same time.
    const { lockWaits: _waits, oldestLockWait: _oldest, ...stable } = platform;
    assert.ok(Object.values(stable).every((value) => value === 0));
  });

  it("do not include the run time of a job that was cancelled before it ran", async () => {
    await accept(await d.as("dispatcher"), [newJob("unwanted")]);
    assert.equal(await cancel(await d.as("api_reader"), "default", "unwanted"), "CANCELLED");
    await d.admin.query(
      "update jobs.jobs set finished_at = date_trunc('minute', jobs.clock()) - interval '30 seconds'",
    );
    const { glue } = await metrics();
    assert.equal(glue.runTime, null);
    assert.notEqual(glue.queueTime, null);
  });

  it("count waiting jobs by runner type, with the age of the oldest", async () => {
    await accept(await d.as("dispatcher"), [newJob("a"), newJob("b"), newJob("u", { runner: "ec2" })]);
    await d.admin.query("update jobs.jobs set created_at = created_at - interval '1 hour' where request_id = 'a'");
    const { glue, ec2, platform } = await metrics();
    assert.deepEqual([glue.waiting, ec2.waiting], [2, 1]);
    assert.ok(glue.oldestWaiting !== null && glue.oldestWaiting >= 3_600 && glue.oldestWaiting < 3_700);
    assert.ok(ec2.oldestWaiting !== null && ec2.oldestWaiting < 60);
    assert.equal(platform.documentsBehind, 3);
    assert.ok(platform.oldestBehind >= 0 && platform.oldestBehind < 60);
  });

  it("measure how long the document of a rejected request has been missing", async () => {
    await d.admin.query("select jobs.reject('x', 'default', 'a', 'queue', '{}', '{}')");
    await d.admin.query("update jobs.rejected set last_at = last_at - interval '1 hour'");
    const { platform } = await metrics();
    assert.equal(platform.documentsBehind, 1);
    assert.ok(platform.oldestBehind >= 3_600 && platform.oldestBehind < 3_700);
  });

  it("count the waiting time of a requeued job from its requeueing, and exclude back-off time", async () => {
    await accept(await d.as("dispatcher"), [newJob("a")]);
    await d.admin.query("update jobs.jobs set created_at = created_at - interval '1 hour'");
    const { keeper, next } = await run();
    const { id, attempt } = await next();
    const error = JSON.stringify({ ...OUT_OF_MEMORY, type: "DatabaseUnavailable" });
    await keeper.query("select jobs.retry($1, $2, $3, null)", [id, attempt, error]);
    assert.deepEqual([(await metrics()).glue.waiting, (await metrics()).glue.oldestWaiting], [1, 0]);
    await d.admin.query("update jobs.jobs set not_before = null");
    const { oldestWaiting } = (await metrics()).glue;
    assert.ok(oldestWaiting !== null && oldestWaiting < 60);
  });

  it("count each job that ended in the last complete minute once, by outcome", async () => {
    await accept(await d.as("dispatcher"), [newJob("good"), newJob("bad"), newJob("broken")]);
    const { keeper, next } = await run();
    const end = { rows: 0, bytes: 0, peakMemoryBytes: 7_000 };
    const failure = (error: JobError) => ({ status: "FAILED" as const, error: error.body(), ...end });
    await finish(keeper, await next(), { status: "SUCCEEDED", result: "{}", ...end });
    await finish(keeper, await next(), failure(new JobError("InvalidSql", { reason: "r" })));
    await finish(keeper, await next(), failure(new JobError("RunnerLost", { attempt: 1 })));
    assert.equal(
      (await d.admin.query("select count(*)::int from jobs.jobs where finished_at is not null")).rows[0].count,
      3,
    );
    await moveToLastMinute();
    const { glue, platform } = await metrics();
    assert.deepEqual([glue.succeeded, glue.failedByRequest, glue.failedByPlatform], [1, 1, 1]);
    assert.equal(glue.peakMemory, 7_000);
    assert.ok(glue.runTime !== null && glue.runTime >= 0 && glue.runTime < 60);
    assert.equal(glue.running, 1);
    assert.equal(platform.unsentResponses, 3);
    await d.admin.query("update jobs.jobs set finished_at = finished_at - interval '1 minute'");
    assert.equal((await metrics()).glue.succeeded, 0);
  });

  it("count lost and out-of-memory attempts, also of jobs that are retried", async () => {
    await accept(await d.as("dispatcher"), [
      newJob("again", { ec2Fallback: true }),
      newJob("last", { maxAttempts: 1 }),
    ]);
    const { keeper, next } = await run();
    for (const type of ["OutOfMemory", "RunnerLost"]) {
      const { id, attempt } = await next();
      await keeper.query("select jobs.retry($1, $2, $3, null)", [
        id,
        attempt,
        JSON.stringify({ ...OUT_OF_MEMORY, type }),
      ]);
    }
    await moveToLastMinute();
    const { glue, ec2 } = await metrics();
    assert.deepEqual([glue.outOfMemory, glue.lost], [1, 1]);
    assert.deepEqual(
      [ec2.outOfMemory, ec2.lost, ec2.waiting],
      [0, 0, 1],
      "the job now waits for the other runner type",
    );
  });

  it("count refused runs, not ended ones", async () => {
    const dispatcher = await d.as("dispatcher");
    await accept(dispatcher, [newJob("a"), newJob("b")]);
    const [first = "", second = ""] = await planRuns(dispatcher, testPlan("glue", 2));
    await dispatcher.query("select jobs.run_launched($1, 'jr_1')", [first]);
    await dispatcher.query("select jobs.run_ended($1, 'ENDED')", [first]);
    await runRefused(dispatcher, second, "ConcurrentRunsExceededException");
    await moveToLastMinute();
    assert.equal((await metrics()).glue.refused, 1);
  });

  it("count sessions that wait for a lock, with the longest wait", async () => {
    await d.admin.query("begin; lock table public.ports in access exclusive mode");
    const writer = await d.as("job_writer");
    const { rows } = await writer.query("select pg_backend_pid() as pid");
    const waiting = writer.query("select from public.ports");
    const dispatcher = await d.as("dispatcher");
    const waitingLocks = "select from pg_locks where pid = $1 and not granted and waitstart is not null";
    while ((await dispatcher.query(waitingLocks, [rows[0].pid])).rowCount === 0);
    const { lockWaits, oldestLockWait } = (await readMetrics(dispatcher, 1)).platform;
    assert.ok(lockWaits >= 1 && oldestLockWait > 0);
    await d.admin.query("rollback");
    await waiting;
  });

  it("need both runner types in the database", async () => {
    const message = "Metrics of a runner type are missing: check that jobs.runners has the rows glue and ec2.";
    for (const missing of ["ec2", "glue"]) {
      await d.admin.query("delete from jobs.runners where runner = $1", [missing]);
      await assert.rejects(metrics(), { message }, missing);
    }
  });

  it("are readable by the dispatcher only", async () => {
    // migrator owns the function.
    for (const role of ROLES.filter((name) => name !== "dispatcher" && name !== "migrator"))
      await assert.rejects(readMetrics(await d.as(role), 1), /permission denied/, role);
  });
});
