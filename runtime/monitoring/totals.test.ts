import assert from "node:assert/strict";
import { ROLES } from "../platform/postgres.ts";
import { backendOf } from "../store/backend.ts";
import { accept, claim, finish, runStarted } from "../store/jobs.ts";
import { planRuns, runRefused } from "../store/runs.ts";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { PLATFORM_METRICS, RUNNER_METRICS } from "./metrics.ts";
import { prometheusName } from "./prometheus.ts";
import { addTotals, BUCKETS, readTotals, readUsage } from "./totals.ts";

describe("counters of ended jobs", () => {
  let d: Awaited<ReturnType<typeof jobDatabase>>;
  beforeEach(async () => {
    d = await jobDatabase();
    await d.admin.query(
      "update jobs.totals_progress set counted_until = date_trunc('minute', jobs.clock()) - interval '10 minutes'",
    );
  });
  afterEach(() => d.close());

  const add = async () => addTotals(await d.as("dispatcher"));
  const totals = async () =>
    Object.fromEntries(
      (await readTotals(await d.as("api_reader"))).totals.map(({ metric, runner, type, le, value }) => [
        [metric, runner, type, ...(le === Number.POSITIVE_INFINITY ? [] : [le])]
          .filter((part) => part !== "")
          .join(" "),
        value,
      ]),
    );
  const usage = async (tenant?: string) => {
    const month = (await d.admin.query("select to_char(jobs.clock() - interval '5 minutes', 'YYYY-MM') as month"))
      .rows[0].month;
    return readUsage(await d.as("api_reader"), { month, tenant, limit: 10 });
  };

  /** Accepts a job of a tenant, executes it, and moves its end `minutes` into the past. */
  const addEndedJob = async (
    name: string,
    error?: { category: string; type: string },
    { tenant = "default", minutes = 5 } = {},
  ) => {
    const [dispatcher, keeper] = [await d.as("dispatcher"), await d.as("job_keeper")];
    await accept(dispatcher, [{ ...newJob(name), tenant }]);
    const [id = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, id);
    const job = await claim(keeper, id, await backendOf(await d.as("job_reader")), undefined);
    assert.ok(job);
    const outcome =
      error === undefined
        ? { status: "SUCCEEDED" as const, result: { inline: [], format: "json", rows: 0 } }
        : { status: "FAILED" as const, error: { message: "m", retryable: false, details: [], ...error } };
    await finish(keeper, job, outcome as never);
    await d.admin.query(
      "update jobs.runs set state = 'ENDED', external_id = 'x', ended_at = jobs.clock() where state <> 'ENDED'",
    );
    await d.admin.query(
      `update jobs.jobs set finished_at = date_trunc('minute', jobs.clock()) - make_interval(mins => $2) + interval '20 seconds',
         stats = jsonb_build_object('queueMs', 200, 'executionMs', 4000, 'totalMs', 4200, 'rows', 7, 'bytes', 100),
         attempts = jsonb_build_array(jsonb_build_object('runner', 'glue', 'outcome', case when error is null then 'SUCCEEDED' else 'FAILED' end,
           'startedAt', jobs.iso(date_trunc('minute', jobs.clock()) - make_interval(mins => $2) + interval '16 seconds'),
           'endedAt', jobs.iso(date_trunc('minute', jobs.clock()) - make_interval(mins => $2) + interval '20 seconds')))
       where request_id = $1`,
      [name, minutes],
    );
  };

  it("count each job once, by runner and error type, even if addTotals runs twice", async () => {
    await addEndedJob("a");
    await addEndedJob("b");
    await addEndedJob("bad", { category: "User", type: "InvalidRows" });
    await addEndedJob("lost", { category: "System", type: "RunnerLost" });
    for (const _ of [1, 2]) await add();
    const counted = await totals();
    assert.deepEqual(Object.fromEntries(Object.entries(counted).filter(([key]) => !key.includes("Time"))), {
      "succeeded glue": 2,
      "failedByRequest glue InvalidRows": 1,
      "failedByPlatform glue RunnerLost": 1,
      "lost glue": 1,
    });
    assert.equal(counted["runTime glue"], 4);
    assert.equal(counted["runTime glue 2.5"], undefined);
    assert.equal(counted["runTime glue 5"], 4);
    assert.equal(counted["runTimeSum glue"], 16);
    assert.equal(counted["queueTime glue 0.25"], 4);
    await addEndedJob("later", undefined, { minutes: 4 });
    assert.equal((await totals())["succeeded glue"], 2);
  });

  it("count a minute only after another minute has passed", async () => {
    await addEndedJob("now", undefined, { minutes: 1 });
    await add();
    assert.deepEqual(await totals(), {});
    const { countersAgeSeconds } = await readTotals(await d.as("api_reader"));
    assert.ok(countersAgeSeconds >= 60 && countersAgeSeconds < 180, String(countersAgeSeconds));
  });

  it("keep their values when jobs are deleted", async () => {
    await addEndedJob("a");
    await add();
    await d.admin.query("delete from jobs.jobs");
    await d.admin.query("update jobs.totals_progress set counted_until = counted_until - interval '5 minutes'");
    await add();
    assert.equal((await totals())["succeeded glue"], 1);
  });

  it("count refused starts", async () => {
    const dispatcher = await d.as("dispatcher");
    await accept(dispatcher, [newJob("a")]);
    const [id = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runRefused(dispatcher, id, "ConcurrentRunsExceeded");
    await d.admin.query("update jobs.runs set ended_at = date_trunc('minute', jobs.clock()) - interval '3 minutes'");
    await add();
    assert.equal((await totals())["refused glue"], 1);
  });

  it("count at most an hour per call after an outage, without skipping a minute", async () => {
    await addEndedJob("a", undefined, { minutes: 100 });
    await addEndedJob("b", undefined, { minutes: 5 });
    await d.admin.query(
      "update jobs.totals_progress set counted_until = date_trunc('minute', jobs.clock()) - interval '110 minutes'",
    );
    await add();
    assert.equal((await totals())["succeeded glue"], 1);
    await add();
    assert.equal((await totals())["succeeded glue"], 2);
  });

  it("are updated by one session at a time", async () => {
    await addEndedJob("a");
    const other = await d.as("migrator");
    await other.query("begin");
    await other.query("select from jobs.totals_progress for update");
    await add();
    assert.deepEqual(await totals(), {});
    await other.query("rollback");
    await add();
    assert.equal((await totals())["succeeded glue"], 1);
  });

  it("include the usage per tenant and month, with the run time of attempts; old usage is deleted", async () => {
    await addEndedJob("a", undefined, { tenant: "acme" });
    await addEndedJob("b", { category: "User", type: "InvalidRows" }, { tenant: "acme" });
    await addEndedJob("c", undefined, { tenant: "globex" });
    await add();
    const acme = {
      tenant: "acme",
      succeeded: 1,
      failed: 1,
      cancelled: 0,
      rows: 14,
      bytes: 200,
      glueSeconds: 8,
      ec2Seconds: 0,
    };
    assert.deepEqual(await usage(), [
      acme,
      { ...acme, tenant: "globex", failed: 0, rows: 7, bytes: 100, glueSeconds: 4 },
    ]);
    assert.deepEqual(await usage("acme"), [acme]);
    assert.deepEqual(await usage("nobody"), []);
    await d.admin.query("update jobs.usage set month = month - interval '40 months'");
    await d.admin.query("update jobs.totals_progress set counted_until = counted_until - interval '1 minute'");
    await add();
    assert.equal((await d.admin.query("select count(*)::int as n from jobs.usage")).rows[0].n, 0);
  });

  it("are updated by the dispatcher only", async () => {
    // migrator owns the function.
    for (const role of ROLES.filter((name) => name !== "dispatcher" && name !== "migrator"))
      await assert.rejects(addTotals(await d.as(role)), /permission denied/, role);
  });

  it("have Prometheus names with unit and type", () => {
    const names = (metrics: object) => Object.entries(metrics).map(([key, metric]) => prometheusName(key, metric));
    assert.deepEqual(names(RUNNER_METRICS), [
      ...["rates_waiting", "rates_oldest_waiting_seconds", "rates_running", "rates_refused_total", "rates_lost_total"],
      ...["rates_out_of_memory_total", "rates_succeeded_total", "rates_failed_by_request_total"],
      ...["rates_failed_by_platform_total", "rates_queue_time_seconds", "rates_run_time_seconds"],
      "rates_peak_memory_bytes",
    ]);
    assert.ok(names(PLATFORM_METRICS).includes("rates_oldest_unsent_seconds"));
  });

  it("have histogram buckets in ascending order", () => {
    assert.deepEqual(
      [...BUCKETS].sort((a, b) => a - b),
      [...BUCKETS],
    );
  });
});
