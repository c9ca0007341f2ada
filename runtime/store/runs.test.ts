import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { newJob, newJobStores, type StoreClients, testPlan } from "../testing/jobs.ts";
import { accept, cancel, claim, dueResponses, finish, responsesSent, retire, retry, runStarted } from "./jobs.ts";
import {
  expireJobs,
  lostJobs,
  OUT_OF_MEMORY,
  openRuns,
  overflow,
  planLarger,
  planRuns,
  runEnded,
  runLaunched,
  runRefused,
  settleLost,
} from "./runs.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const lost = (attempt: number) => new JobError("RunnerLost", { attempt }).body();

describe("the job store and its runs", () => {
  let { fixture, dispatcher, keeper } = {} as StoreClients;
  newJobStores((clients) => {
    ({ fixture, dispatcher, keeper } = clients);
  });

  const jobs = (count: number) =>
    accept(
      dispatcher,
      Array.from({ length: count }, (_, index) => newJob(`job-${index}`)),
    );
  const expireLeases = () =>
    fixture.admin.query(
      "update jobs.jobs set lease_until = jobs.clock() - interval '1 second' where status = 'IN_PROGRESS'",
    );

  it("never takes more slots than exist, with concurrent dispatchers", async () => {
    await jobs(50);
    const dispatchers = await Promise.all(Array.from({ length: 10 }, () => fixture.as("dispatcher")));
    const runs = (await Promise.all(dispatchers.map((db) => planRuns(db, testPlan("glue", 4))))).flat();
    assert.equal(runs.length, 4);
    assert.equal((await planRuns(dispatcher, testPlan("glue", 4))).length, 0);
    await runStarted(keeper, runs[0] ?? "");
    await runEnded(dispatcher, runs[0] ?? "", "ENDED");
    assert.equal(
      (await planRuns(dispatcher, testPlan("glue", 4))).length,
      1,
      "a slot is free once its run is known to have ended",
    );
  });

  it("pauses a runner type whose run ended before it started: a late refusal, or code that cannot start", async () => {
    await jobs(1);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    await runEnded(dispatcher, run, "ENDED");
    assert.deepEqual(await planRuns(dispatcher, testPlan("glue", 4)), []);
    await fixture.admin.query("update jobs.runners set paused_until = jobs.clock()");
    assert.equal((await planRuns(dispatcher, testPlan("glue", 4))).length, 1);
  });

  it("gives a run of an older version no further job, and starts a run of the new version instead", async () => {
    await jobs(1);
    const old = await started("old");
    assert.notEqual(await claim(keeper, old, backend, undefined), undefined);
    await accept(dispatcher, [newJob("later")]);
    const [newRun = ""] = await planRuns(dispatcher, { ...testPlan("glue", 4), version: "new" });
    assert.notEqual(newRun, "", "the old run does not count as free, although its job will end");
    assert.equal(await claim(keeper, old, backend, undefined), undefined);
    await assert.rejects(claim(keeper, old, backend, undefined), { code: "P0002" });
    await runStarted(keeper, newRun);
    assert.equal((await claim(keeper, newRun, backend, undefined))?.requestId, "later");
  });

  const started = async (version: string, runner: "glue" | "ec2" = "glue"): Promise<string> => {
    const [run = ""] = await planRuns(dispatcher, { ...testPlan(runner, 4), version });
    await runStarted(keeper, run);
    return run;
  };
  const ageWaitingJobs = () =>
    fixture.admin.query("update jobs.jobs set created_at = created_at - interval '6 seconds' where status = 'PENDING'");
  const runnerOf = async (requestId: string) =>
    (await fixture.admin.query("select runner from jobs.jobs where request_id = $1", [requestId])).rows[0].runner;

  it("moves waiting reads from Glue to EC2 while EC2 has capacity, in order, and only those that may run there", async () => {
    const read = (id: string, ec2Fallback: boolean, priority = 4) => newJob(id, { ec2Fallback, priority });
    await accept(dispatcher, [read("here", false, 9), read("low", true, 1), read("high", true, 6)]);
    await ageWaitingJobs();
    const slots = { glue: 2, ec2: 1 };
    assert.equal(await overflow(dispatcher, slots), 0, "Glue has slots");
    assert.equal((await planRuns(dispatcher, testPlan("glue", 2))).length, 2);
    assert.equal(await overflow(dispatcher, slots), 1);
    assert.deepEqual([await runnerOf("here"), await runnerOf("low"), await runnerOf("high")], ["glue", "glue", "ec2"]);
    assert.equal(await overflow(dispatcher, slots), 0, "EC2 is full");
    await accept(dispatcher, [read("new", true, 9)]);
    assert.equal(await overflow(dispatcher, { glue: 2, ec2: 9 }), 1, "a new job waits for Glue first");
    assert.equal(await runnerOf("new"), "glue");
  });

  it("hands reads to EC2 while Glue refuses more runs", async () => {
    await accept(dispatcher, [newJob("refused", { ec2Fallback: true })]);
    await ageWaitingJobs();
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    await runRefused(dispatcher, run, "ConcurrentRunsExceededException");
    assert.equal(await overflow(dispatcher, { glue: 4, ec2: 1 }), 1);
  });

  const outOfMemory = new JobError("OutOfMemory", { reason: "killed" }).body();
  const jobRow = async (requestId: string) =>
    (
      await fixture.admin.query("select status, runner, error, attempts from jobs.jobs where request_id = $1", [
        requestId,
      ])
    ).rows[0];
  const endBackOff = () =>
    fixture.admin.query(
      `update jobs.jobs set high_memory_retry_at = case when high_memory_retry_at is not null then jobs.clock() end,
         not_before = case when not_before < 'infinity' then jobs.clock() else not_before end`,
    );
  const planLargerRun = (exists = true) => planLarger(dispatcher, testPlan("glue", 4), exists);

  it("retries a read that ran out of memory on EC2, if it may run there", async () => {
    await accept(dispatcher, [newJob("large", { ec2Fallback: true })]);
    const job = await claim(keeper, await started("test"), backend, undefined);
    assert.ok(job);
    assert.equal(await retry(keeper, job, outOfMemory, 1_000_000_000), "RETRIED");
    const row = await jobRow("large");
    assert.equal(row.runner, "ec2");
    assert.equal(row.attempts[0].peakMemoryBytes, 1_000_000_000);
  });

  it("starts one larger run at a time for reads that ran out of memory and may not run on EC2, and for no other job", async () => {
    assert.equal(await planLargerRun(), undefined, "nothing waits");
    await accept(dispatcher, [newJob("large"), newJob("other"), newJob("small")]);
    const [small = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, small);
    for (const id of ["large", "other"]) {
      const job = await claim(keeper, small, backend, undefined);
      assert.equal(job?.requestId, id);
      assert.equal(await retry(keeper, job, outOfMemory, 7), "RETRIED");
    }
    assert.equal((await jobRow("large")).runner, "glue");
    assert.equal(await planLargerRun(), undefined, "it is in back-off");
    await endBackOff();
    assert.equal((await claim(keeper, small, backend, undefined))?.requestId, "small");
    assert.equal(await claim(keeper, small, backend, undefined), undefined, "a normal run does not claim it");
    assert.equal(await retire(keeper, small), true, "the normal run retires");
    assert.deepEqual(await planRuns(dispatcher, testPlan("glue", 4)), [], "no normal run is started for it");

    const planned = await Promise.all(
      [dispatcher, await fixture.as("dispatcher")].map((db) => planLarger(db, testPlan("glue", 4), true)),
    );
    const [run = "", ...others] = planned.filter((larger) => larger !== undefined);
    assert.notEqual(run, "");
    assert.deepEqual(others, [], "one at a time, however many dispatchers plan");
    await accept(dispatcher, [newJob("normal")]);
    assert.equal(
      (await planRuns(dispatcher, testPlan("glue", 4))).length,
      1,
      "a larger run does not count for other jobs",
    );
    await runStarted(keeper, run, 16_000_000_000);
    assert.equal(await retire(keeper, run), false);
    const job = await claim(keeper, run, backend, undefined);
    assert.deepEqual([job?.requestId, job?.attempt], ["large", 2]);
    assert(job);
    const retryable = new JobError("DatabaseUnavailable", { reason: "gone" }).body();
    assert.equal(await retry(keeper, job, retryable, 8), "RETRIED");
    assert.equal(
      (await claim(keeper, run, backend, undefined))?.requestId,
      "other",
      "the next job that waits for a larger run",
    );
    assert.equal(await claim(keeper, run, backend, undefined), undefined, "no other job");
    await endBackOff();
    assert.equal(
      (await claim(keeper, run, backend, undefined))?.requestId,
      "large",
      "it stays on larger runs after any error",
    );
    assert.equal(await retire(keeper, run), true);
    assert.deepEqual(
      (await jobRow("large")).attempts.map(({ memoryBytes }: { memoryBytes?: number }) => memoryBytes),
      [undefined, 16_000_000_000, 16_000_000_000],
    );
  });

  it("starts a larger run only when a slot is free and the type's pause is over", async () => {
    await accept(dispatcher, [newJob("large")]);
    await planLargerRun();
    const run = await started("test");
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    await retry(keeper, job, outOfMemory, 7);
    await endBackOff();
    assert.equal(await planLarger(dispatcher, testPlan("glue", 1), true), undefined, "the slot is taken");
    await fixture.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 minute'");
    assert.equal(await planLargerRun(), undefined);
    await fixture.admin.query("update jobs.runners set paused_until = null");
    const refused = await planLargerRun();
    assert(refused);
    await runRefused(dispatcher, refused, "ConcurrentRunsExceeded");
    assert.deepEqual([(await jobRow("large")).status, (await jobRow("large")).attempts.length], ["PENDING", 1]);
    await fixture.admin.query("update jobs.runners set paused_until = null");
    assert.notEqual(await planLargerRun(), undefined);
  });

  it("fails a job at once as not retryable if it ran out of memory and no larger run exists", async () => {
    await planLargerRun(false);
    await accept(dispatcher, [newJob("stays"), newJob("on-ec2", { runner: "ec2", ec2Fallback: true })]);
    const normalRun = await started("test");
    for (const [id, run] of [
      ["stays", normalRun],
      ["on-ec2", await started("test", "ec2")],
    ] as const) {
      const job = await claim(keeper, run, backend, undefined);
      assert.equal(job?.requestId, id);
      assert.equal(await retry(keeper, job, outOfMemory, 7), "FAILED");
      const { status, error } = await jobRow(id);
      assert.deepEqual([status, error], ["FAILED", { ...outOfMemory, retryable: false }]);
      assert.match(error.message, /raise runners\.glue\.dpu/);
    }
    await accept(dispatcher, [newJob("twice")]);
    await planLargerRun();
    const job = await claim(keeper, normalRun, backend, undefined);
    assert(job);
    await retry(keeper, job, outOfMemory, 7);
    await endBackOff();
    const run = (await planLargerRun()) ?? "";
    await runStarted(keeper, run);
    const again = await claim(keeper, run, backend, undefined);
    assert.equal(again?.requestId, "twice");
    assert.equal(await retry(keeper, again, outOfMemory, 8), "FAILED", "the larger run was not large enough");
  });

  it("lets normal runs claim jobs that wait for a larger run if the stack no longer has larger runs", async () => {
    await planLargerRun();
    await accept(dispatcher, [newJob("large")]);
    const run = await started("test");
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    await planLargerRun();
    assert.equal(await retry(keeper, job, outOfMemory, 7), "RETRIED");
    assert.equal(await planLargerRun(false), undefined);
    assert.equal((await claim(keeper, run, backend, undefined))?.requestId, "large");
  });

  it("reports a lost job whose run ran out of memory", async () => {
    await jobs(1);
    const run = await started("test");
    await claim(keeper, run, backend, undefined);
    await runEnded(dispatcher, run, OUT_OF_MEMORY);
    assert.deepEqual(
      (await lostJobs(dispatcher)).map(({ reason, isOutOfMemory }) => [reason, isOutOfMemory]),
      [["RunnerLost", true]],
    );
  });

  it("deletes old jobs whose response was sent, and frees their ids", async () => {
    await jobs(3);
    for (const id of ["job-0", "job-1"]) await cancel(await fixture.as("api_reader"), "default", id);
    const [first] = await dueResponses(dispatcher, 1);
    await responsesSent(dispatcher, [{ id: first?.id ?? 0, version: first?.version ?? 0, messageId: "m" }]);
    await fixture.admin.query("update jobs.jobs set finished_at = finished_at - interval '10 days'");
    assert.equal(await expireJobs(dispatcher, 11, 100), 0);
    assert.equal(
      await expireJobs(dispatcher, 9, 100),
      1,
      "the response of the second is not sent, and the third has not ended",
    );
    assert.equal((await jobs(3)).filter(({ outcome }) => outcome === "ACCEPTED").length, 1);
  });

  it("deletes no job that another transaction locks, and does not wait for it", async () => {
    await jobs(2);
    await fixture.admin.query(
      "update jobs.jobs set status = 'CANCELLED', due_at = null, finished_at = jobs.clock() - interval '10 days'",
    );
    await fixture.admin.query("begin");
    try {
      await fixture.admin.query("select from jobs.jobs where request_id = 'job-0' for key share");
      assert.equal(await expireJobs(dispatcher, 9, 100), 1);
    } finally {
      await fixture.admin.query("rollback");
    }
    assert.equal(await expireJobs(dispatcher, 9, 100), 1);
  });

  it("starts a run for each waiting job that no free run will claim, and none if nothing waits", async () => {
    assert.deepEqual(await planRuns(dispatcher, testPlan("glue", 4)), []);
    await jobs(2);
    const runs = await planRuns(dispatcher, testPlan("glue", 4));
    assert.equal(runs.length, 2);
    await runStarted(keeper, runs[0] ?? "");
    assert.deepEqual(
      await planRuns(dispatcher, testPlan("glue", 4)),
      [],
      "one run is starting and one is free: each claims a job",
    );
    await claim(keeper, runs[0] ?? "", backend, undefined);
    await accept(dispatcher, [newJob("third")]);
    assert.equal((await planRuns(dispatcher, testPlan("glue", 4))).length, 1);
  });

  it("reverts a refused launch without using up an attempt, and makes all dispatchers wait longer each time", async () => {
    await jobs(1);
    const pauses: number[] = [];
    for (let round = 0; round < 3; round++) {
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

  it("lets a run register once, and not after it was abandoned", async () => {
    await jobs(2);
    const [late = "", other = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    const { rows } = await fixture.admin.query("select slot from jobs.runs where id = $1", [other]);
    assert.equal(await runStarted(keeper, other), rows[0].slot);
    assert.equal(await runStarted(keeper, other), undefined);
    await runEnded(dispatcher, late, "LOST");
    assert.equal(await runStarted(keeper, late), undefined);
    await assert.rejects(claim(keeper, late, backend, undefined), { code: "P0002" });
  });

  it("shows which runs are silent: not started by their deadline, or without a heartbeat", async () => {
    await jobs(2);
    const [starting = "", running = ""] = await planRuns(dispatcher, testPlan("glue", 4));
    await runLaunched(dispatcher, starting, "p-1");
    await runStarted(keeper, running);
    assert.deepEqual(
      (await openRuns(dispatcher, 30)).map(({ isSilent }) => isSilent),
      [false, false],
    );
    await fixture.admin.query(
      "update jobs.runs set start_deadline = start_deadline - interval '2 minutes', seen_at = seen_at - interval '1 minute'",
    );
    const open = await openRuns(dispatcher, 30);
    assert.deepEqual(
      open.map(({ isSilent }) => isSilent),
      [true, true],
    );
    assert.deepEqual(open.find((run) => run.run === starting)?.externalId, "p-1");
  });

  it("requeues the job of an ended run at once, and fails a lost job with RunnerLost when its attempts are used up", async () => {
    await accept(dispatcher, [newJob("a", { maxAttempts: 1 }), newJob("b", { maxAttempts: 2, priority: 9 })]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    const b = await claim(keeper, run, backend, undefined);
    assert.deepEqual(await lostJobs(dispatcher), []);
    await runEnded(dispatcher, run, "ENDED");
    const [lostJob] = await lostJobs(dispatcher);
    assert.deepEqual([lostJob?.id, lostJob?.reason, lostJob?.backend?.pid], [b?.id, "RunnerLost", 1]);
    assert(lostJob);
    assert.equal(await settleLost(dispatcher, lostJob, lost(1)), "RETRIED");
    assert.equal(await settleLost(dispatcher, lostJob, lost(1)), "LOST", "it is settled only once");

    const [next = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, next);
    const a = await claim(keeper, next, backend, undefined);
    assert.equal(a?.requestId, "a");
    await expireLeases();
    const [again] = await lostJobs(dispatcher);
    assert(again);
    assert.equal(await settleLost(dispatcher, again, lost(1)), "FAILED");
    const [response] = await dueResponses(dispatcher, 1, [a?.id ?? 0]);
    assert.equal(JSON.parse(response?.body ?? "").error.type, "RunnerLost");
  });

  it("leaves a job with a run that resumed in time, and ends a job with a pending cancel as CANCELLED", async () => {
    await jobs(1);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    await expireLeases();
    const [lostJob] = await lostJobs(dispatcher);
    assert(lostJob);
    await fixture.admin.query("update jobs.jobs set lease_until = jobs.clock() + interval '1 minute'");
    assert.equal(await settleLost(dispatcher, lostJob, lost(1)), "KEEP");
    await cancel(await fixture.as("api_reader"), "default", "job-0");
    await expireLeases();
    assert.equal(await settleLost(dispatcher, lostJob, lost(1)), "CANCELLED");
    assert.equal(await finish(keeper, job, { status: "SUCCEEDED", rows: 0, bytes: 0, peakMemoryBytes: 0 }), undefined);
  });

  it("ends a job that runs past its deadline if its run does not", async () => {
    await accept(dispatcher, [newJob("a", { timeoutSeconds: 1, leaseSeconds: 1 })]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    await runStarted(keeper, run);
    await claim(keeper, run, backend, undefined);
    await fixture.admin.query(
      "update jobs.jobs set deadline = jobs.clock() - interval '2 seconds', lease_until = jobs.clock() + interval '1 minute'",
    );
    const [lostJob] = await lostJobs(dispatcher);
    assert.equal(lostJob?.reason, "TimedOut");
    assert(lostJob);
    assert.equal(
      await settleLost(dispatcher, lostJob, new JobError("TimedOut", { timeoutSeconds: 1, maximum: 2 }).body()),
      "FAILED",
    );
  });
});
