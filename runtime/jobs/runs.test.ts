import assert from "node:assert/strict";
import type pg from "pg";
import { JobError } from "./errors.ts";
import { lostJobs, openRuns, planRuns, runEnded, runLaunched, runRefused, settleLost } from "./runs.ts";
import { accept, cancel, claim, dueResponses, finish, runStarted } from "./store.ts";
import { jobDatabase, newJob, testPlan } from "./testing.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const lost = (attempt: number) => new JobError("RunnerLost", { attempt }).body();

describe("the runs of the job store", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let dispatcher: pg.Client;
  let keeper: pg.Client;
  beforeEach(async () => {
    fixture = await jobDatabase();
    dispatcher = await fixture.as("dispatcher");
    keeper = await fixture.as("job_keeper");
  });
  afterEach(() => fixture.close());

  const jobs = (count: number) =>
    accept(
      dispatcher,
      Array.from({ length: count }, (_, index) => newJob(`job-${index}`)),
    );
  const lapse = () =>
    fixture.admin.query(
      "update jobs.jobs set lease_until = jobs.clock() - interval '1 second' where status = 'IN_PROGRESS'",
    );

  it("never takes more slots than there are, however many dispatchers plan at once", async () => {
    await jobs(50);
    const dispatchers = await Promise.all(Array.from({ length: 10 }, () => fixture.as("dispatcher")));
    const runs = (await Promise.all(dispatchers.map((db) => planRuns(db, testPlan("glue", 4))))).flat();
    assert.equal(runs.length, 4);
    assert.equal((await planRuns(dispatcher, testPlan("glue", 4))).length, 0);
    await runEnded(dispatcher, runs[0] ?? "", "ENDED");
    assert.equal(
      (await planRuns(dispatcher, testPlan("glue", 4))).length,
      1,
      "a slot is free once its run is known to have ended",
    );
  });

  it("starts a run for each waiting job that no free run will take, and none where nothing waits", async () => {
    assert.deepEqual(await planRuns(dispatcher, testPlan("glue", 4)), []);
    await jobs(2);
    const runs = await planRuns(dispatcher, testPlan("glue", 4));
    assert.equal(runs.length, 2);
    await runStarted(keeper, runs[0] ?? "");
    assert.deepEqual(
      await planRuns(dispatcher, testPlan("glue", 4)),
      [],
      "one is starting, one is free: both jobs are provided for",
    );
    await claim(keeper, runs[0] ?? "", backend, undefined);
    await accept(dispatcher, [newJob("third")]);
    assert.equal((await planRuns(dispatcher, testPlan("glue", 4))).length, 1);
  });

  it("takes a refused launch back without using up anything of the job, and makes all dispatchers wait, longer each time", async () => {
    await jobs(1);
    const pauses: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const [run = ""] = await planRuns(dispatcher, testPlan("glue", 4));
      assert(run);
      const until = await runRefused(dispatcher, run, "ConcurrentRunsExceeded");
      pauses.push(Math.round((Date.parse(until ?? "") - Date.now()) / 1000));
      assert.deepEqual(await planRuns(await fixture.as("dispatcher"), testPlan("glue", 4)), []);
      await fixture.admin.query("update jobs.runners set paused_until = jobs.clock()");
    }
    assert.deepEqual(pauses, [1, 2, 4]);
    const { rows } = await fixture.admin.query("select status, attempt from jobs.jobs");
    assert.deepEqual(rows, [{ status: "PENDING", attempt: 0 }]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    await runStarted(keeper, run);
    assert.equal(
      (await fixture.admin.query("select pauses from jobs.runners where runner = 'glue'")).rows[0].pauses,
      0,
      "a run that reports in ends the back-off",
    );
  });

  it("lets a run report in once, and not after it was given up", async () => {
    await jobs(2);
    const [late = "", other = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    assert.equal(await runStarted(keeper, other), true);
    assert.equal(await runStarted(keeper, other), false);
    await runEnded(dispatcher, late, "LOST");
    assert.equal(await runStarted(keeper, late), false);
    await assert.rejects(claim(keeper, late, backend, undefined), { code: "P0002" });
  });

  it("shows which runs are silent: not reported in by their deadline, or without a sign of life", async () => {
    await jobs(2);
    const [starting = "", running = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    await runLaunched(dispatcher, starting, "p-1");
    await runStarted(keeper, running);
    assert.deepEqual(
      (await openRuns(dispatcher, 30)).map((run) => run.silent),
      [false, false],
    );
    await fixture.admin.query(
      "update jobs.runs set start_deadline = start_deadline - interval '2 minutes', seen_at = seen_at - interval '1 minute'",
    );
    const open = await openRuns(dispatcher, 30);
    assert.deepEqual(
      open.map((run) => run.silent),
      [true, true],
    );
    assert.deepEqual(open.find((run) => run.run === starting)?.externalId, "p-1");
  });

  it("gives the job of a dead run to another at once, and fails it with RunnerLost when its attempts are used up", async () => {
    await accept(dispatcher, [newJob("a", { maxAttempts: 1 }), newJob("b", { maxAttempts: 2, priority: 9 })]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    const b = await claim(keeper, run, backend, undefined);
    assert.deepEqual(await lostJobs(dispatcher), []);
    await runEnded(dispatcher, run, "ENDED");
    const [found] = await lostJobs(dispatcher);
    assert.deepEqual([found?.id, found?.reason, found?.backend?.pid], [b?.id, "RunnerLost", 1]);
    assert(found);
    assert.equal(await settleLost(dispatcher, found, lost(1)), "RETRIED");
    assert.equal(await settleLost(dispatcher, found, lost(1)), "LOST", "it is settled once");

    const [next = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, next);
    const a = await claim(keeper, next, backend, undefined);
    assert.equal(a?.requestId, "a");
    await lapse();
    const [again] = await lostJobs(dispatcher);
    assert(again);
    assert.equal(await settleLost(dispatcher, again, lost(1)), "FAILED");
    const [response] = await dueResponses(dispatcher, 1, [a?.id ?? 0]);
    assert.equal(JSON.parse(response?.body ?? "").error.type, "RunnerLost");
  });

  it("leaves a job with a runner that came back in time, and ends one that was to be cancelled as CANCELLED", async () => {
    await jobs(1);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    await lapse();
    const [found] = await lostJobs(dispatcher);
    assert(found);
    await fixture.admin.query("update jobs.jobs set lease_until = jobs.clock() + interval '1 minute'");
    assert.equal(await settleLost(dispatcher, found, lost(1)), "KEEP");
    await cancel(await fixture.as("api_reader"), "default", "job-0");
    await lapse();
    assert.equal(await settleLost(dispatcher, found, lost(1)), "CANCELLED");
    assert.equal(await finish(keeper, job, { status: "SUCCEEDED", rows: 0, bytes: 0, peakMemoryBytes: 0 }), undefined);
  });

  it("ends a job that runs past its deadline although its runner did not", async () => {
    await accept(dispatcher, [newJob("a", { timeoutSeconds: 1, leaseSeconds: 1 })]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    await claim(keeper, run, backend, undefined);
    await fixture.admin.query(
      "update jobs.jobs set deadline = jobs.clock() - interval '2 seconds', lease_until = jobs.clock() + interval '1 minute'",
    );
    const [found] = await lostJobs(dispatcher);
    assert.equal(found?.reason, "TimedOut");
    assert(found);
    assert.equal(
      await settleLost(dispatcher, found, new JobError("TimedOut", { timeoutSeconds: 1, maximum: 2 }).body()),
      "FAILED",
    );
  });
});
