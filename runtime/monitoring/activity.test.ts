import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { ROLES } from "../platform/postgres.ts";
import { backendOf } from "../store/backend.ts";
import { accept, cancel, claim, finish, runStarted } from "../store/jobs.ts";
import { closeRunners, planRuns } from "../store/runs.ts";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { type Activity, readActivity, readStatus } from "./activity.ts";

describe("activity and status", () => {
  let d: Awaited<ReturnType<typeof jobDatabase>>;
  beforeEach(async () => {
    d = await jobDatabase();
  });
  afterEach(() => d.close());

  const recentActivity = async (tenant?: string, seconds = 3_600, steps = 60): Promise<Activity> =>
    readActivity(await d.as("api_reader"), { tenant, seconds, steps, nearBytes: 900_000 });

  /** Accepts jobs and executes them one by one: each succeeds, or fails with the given error. */
  const executeJobs = async (
    jobs: { id: string; tenant?: string; query?: string; error?: JobError; bytes?: number }[],
  ) => {
    await accept(
      await d.as("dispatcher"),
      jobs.map(({ id, tenant = "default", query = "average_rates" }) =>
        newJob(id, { tenant, task: { type: "read", query, params: {}, format: "csv", compression: "none" } }),
      ),
    );
    const [run = ""] = await planRuns(await d.as("dispatcher"), testPlan("glue", 1));
    const keeper = await d.as("job_keeper");
    await runStarted(keeper, run);
    const backend = await backendOf(await d.as("job_reader"));
    for (let done = 0; done < jobs.length; done += 1) {
      const job = await claim(keeper, run, backend, undefined);
      assert(job);
      const { error, bytes = 10 } = jobs.find(({ id }) => id === job.requestId) ?? {};
      const location = bytes > 200_000 ? { location: "s3://results/x" } : { inline: "x" };
      const ending = error
        ? { status: "FAILED" as const, error: error.body() }
        : { status: "SUCCEEDED" as const, result: JSON.stringify({ ...location, format: "csv", rows: 1, bytes }) };
      await finish(keeper, job, { ...ending, rows: 1, bytes, peakMemoryBytes: 1 });
    }
  };

  it("has one step per minute up to the current one, with zeros if nothing happened", async () => {
    const { steps, stepSeconds, ended, percentiles, errors, slowest, to } = await recentActivity();
    assert.equal(steps.length, 60);
    assert.equal(stepSeconds, 60);
    const last = steps.at(-1)?.at ?? "";
    assert.ok(last <= to && Date.parse(to) - Date.parse(last) < 60_000);
    assert.ok(steps.every((step) => step.accepted + step.succeeded + step.failed + step.cancelled === 0));
    assert.deepEqual(ended, { succeeded: 0, failed: 0, cancelled: 0 });
    assert.deepEqual(percentiles.runMs, { p50: null, p95: null, p99: null });
    assert.deepEqual([errors, slowest], [[], []]);
  });

  it("counts ended jobs by step and in total, by error and by query", async () => {
    const error = new JobError("InvalidSql", { reason: "x" });
    await executeJobs([{ id: "a" }, { id: "b", query: "price_export" }, { id: "c", error }, { id: "d", error }]);
    await accept(await d.as("dispatcher"), [newJob("unwanted")]);
    await cancel(await d.as("api_reader"), "default", "unwanted");
    const { steps, ended, errors, slowest, percentiles } = await recentActivity();
    assert.deepEqual(ended, { succeeded: 2, failed: 2, cancelled: 1 });
    const sum = (key: "accepted" | "succeeded" | "failed" | "cancelled") =>
      steps.reduce((all, step) => all + step[key], 0);
    assert.deepEqual([sum("accepted"), sum("succeeded"), sum("failed"), sum("cancelled")], [5, 2, 2, 1]);
    assert.deepEqual(
      errors.map(({ type, category, count }) => [type, category, count]),
      [["InvalidSql", "User", 2]],
    );
    assert.deepEqual(slowest.map(({ what, count }) => `${what} ${count}`).sort(), [
      "average_rates 3",
      "price_export 1",
    ]);
    const { p50, p95, p99 } = percentiles.totalMs;
    assert.ok(p50 !== null && p95 !== null && p99 !== null && 0 <= p50 && p50 <= p95 && p95 <= p99);
  });

  it("lists the ten queries with the highest 95th percentile of the run time", async () => {
    const steady = Array.from({ length: 10 }, (_, index) => `steady-${index}`);
    const spiky = Array.from({ length: 3 }, (_, index) => `spiky-${index}`);
    await executeJobs([...steady, ...spiky].map((id) => ({ id })));
    await d.admin.query(
      `update jobs.jobs set task = jsonb_set(task, '{query}', to_jsonb(case when request_id like 'spiky%' then 'spiky' else request_id end)),
         stats = jsonb_set(stats, '{executionMs}', (case when request_id = 'spiky-0' then '9000' when request_id like 'spiky%' then '1' else '500' end)::jsonb)`,
    );
    const { slowest } = await recentActivity();
    assert.equal(slowest.length, 10);
    assert.deepEqual([slowest[0]?.what, slowest[0]?.p50, slowest[1]?.p95], ["spiky", 1, 500]);
  });

  it("excludes earlier jobs and those of other tenants", async () => {
    await executeJobs([{ id: "a", tenant: "acme" }, { id: "b", tenant: "acme" }, { id: "c" }]);
    await d.admin.query(
      "update jobs.jobs set created_at = created_at - interval '2 hours', finished_at = finished_at - interval '2 hours' where request_id = 'a'",
    );
    assert.equal((await recentActivity("acme")).ended.succeeded, 1);
    assert.equal((await recentActivity("acme", 86_400, 48)).ended.succeeded, 2);
    assert.equal((await recentActivity("nobody")).ended.succeeded, 0);
    assert.equal((await recentActivity()).ended.succeeded, 2);
  });

  it("counts the results that were only just too large for their response", async () => {
    await executeJobs([{ id: "small" }, { id: "near", bytes: 500_000 }, { id: "large", bytes: 5_000_000 }]);
    assert.deepEqual((await recentActivity()).results, { byPointer: 2, nearlyInline: 1 });
  });

  it("returns jobs in progress, runner types that may not start runs, and the number of connections", async () => {
    await accept(await d.as("dispatcher"), [newJob("a"), newJob("b")]);
    const [run = ""] = await planRuns(await d.as("dispatcher"), testPlan("glue", 1));
    const keeper = await d.as("job_keeper");
    await runStarted(keeper, run);
    assert(await claim(keeper, run, await backendOf(await d.as("job_reader")), undefined));
    await closeRunners(await d.as("dispatcher"), true);
    const { glue, paused, working, database } = await readStatus(await d.as("api_reader"), 5);
    assert.deepEqual([glue.waiting, glue.running], [1, 1]);
    assert.deepEqual(working, { glue: 1 });
    assert.deepEqual(paused, { glue: "closed", ec2: "closed" });
    assert.ok(database.connections >= 4 && database.maxConnections > database.connections);
  });

  it("reads jobs through indexes, without scanning the table sequentially", async () => {
    await executeJobs([{ id: "a" }]);
    await accept(await d.as("dispatcher"), [newJob("b")]);
    await d.admin.query("begin");
    // The planner would scan so small a table sequentially, whatever indexes exist.
    await d.admin.query("set local enable_seqscan = off");
    await d.admin.query(
      "select jobs.platform_status(5), jobs.activity(null, 3600, 60, 900000, null), jobs.activity('default', 3600, 60, 900000, null)",
    );
    const { rows } = await d.admin.query(
      "select seq_scan::integer, idx_scan > 0 as by_index from pg_stat_xact_user_tables where schemaname = 'jobs' and relname = 'jobs'",
    );
    await d.admin.query("rollback");
    assert.deepEqual(rows, [{ seq_scan: 0, by_index: true }]);
  });

  it("are readable by the API only", async () => {
    const period = { tenant: undefined, seconds: 3_600, steps: 60, nearBytes: 900_000 };
    // migrator owns the functions.
    for (const role of ROLES.filter((name) => name !== "api_reader" && name !== "migrator")) {
      const client = await d.as(role);
      await assert.rejects(readStatus(client, 5), { code: "42501" }, role);
      await assert.rejects(readActivity(client, period), { code: "42501" }, role);
    }
  });
});
