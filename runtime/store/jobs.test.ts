import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { newJob, newJobStores, type StoreClients, testPlan } from "../testing/jobs.ts";
import {
  accept,
  cancel,
  claim,
  drain,
  dueResponses,
  finish,
  heartbeat,
  responsesSent,
  retire,
  retry,
  runStarted,
} from "./jobs.ts";
import { planRuns } from "./runs.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const success = {
  status: "SUCCEEDED",
  result: '{"inline":"a\\n","format":"csv","rows":1}',
  rows: 1,
  bytes: 2,
  peakMemoryBytes: 3,
} as const;

describe("the job store", () => {
  let { fixture, dispatcher, keeper } = {} as StoreClients;
  newJobStores((clients) => {
    ({ fixture, dispatcher, keeper } = clients);
  });

  const startRun = async (): Promise<string> => {
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1_000));
    assert.ok(await runStarted(keeper, run));
    return run;
  };
  const status = async (requestId: string) =>
    (await fixture.admin.query("select status, attempt, version from jobs.jobs where request_id = $1", [requestId]))
      .rows[0];
  const document = async (requestId: string) =>
    (await fixture.admin.query("select document from jobs.documents where request_id = $1", [requestId])).rows[0]
      .document;

  it("creates one job when five dispatchers accept the same request concurrently", async () => {
    const dispatchers = await Promise.all(Array.from({ length: 5 }, () => fixture.as("dispatcher")));
    // Many rounds, since the order of the five is random.
    for (let round = 0; round < 100; round++) {
      const outcomes = (await Promise.all(dispatchers.map((db) => accept(db, [newJob(`job-${round}`)])))).flat();
      assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), [
        "ACCEPTED",
        "REPEATED",
        "REPEATED",
        "REPEATED",
        "REPEATED",
      ]);
      assert.equal(new Set(outcomes.map(({ jobId }) => jobId)).size, 1);
    }
  });

  it("returns the results of one call in the order of its requests: new, repeated, conflicting, and an id of another tenant", async () => {
    await accept(dispatcher, [newJob("old")]);
    const outcomes = await accept(dispatcher, [
      newJob("new"),
      newJob("old"),
      newJob("old", { requestHash: "other", responseId: "x" }),
      newJob("old", { tenant: "acme" }),
      newJob("new"),
    ]);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ["ACCEPTED", "REPEATED", "CONFLICT", "ACCEPTED", "REPEATED"],
    );
    assert.equal((await fixture.admin.query("select count(*)::int from jobs.jobs")).rows[0].count, 3);
  });

  it("assigns each job to exactly one of many runs that claim concurrently", async () => {
    await accept(
      dispatcher,
      Array.from({ length: 40 }, (_, index) => newJob(`job-${index}`)),
    );
    const runs = await planRuns(dispatcher, testPlan("glue", 8));
    assert.equal(runs.length, 8);
    const claimed = await Promise.all(
      runs.map(async (run) => {
        const db = await fixture.as("job_keeper");
        await runStarted(db, run);
        const jobIds: number[] = [];
        for (let job = await claim(db, run, backend, undefined); job; job = await claim(db, run, backend, undefined))
          jobIds.push(job.id);
        return jobIds;
      }),
    );
    assert.equal(new Set(claimed.flat()).size, 40);
    assert.equal(claimed.flat().length, 40);
  });

  it("orders by priority plus one point per minute of waiting, then the tenant with the fewest running jobs, then the oldest", async () => {
    await accept(dispatcher, [
      newJob("plain"),
      newJob("urgent", { priority: 6 }),
      newJob("waited", { priority: 4 }),
      newJob("busy-1", { tenant: "busy", priority: 9 }),
      newJob("busy-2", { tenant: "busy" }),
      newJob("quiet", { tenant: "quiet" }),
    ]);
    // Moves the job to three minutes ago, with the rank that accept would have computed then.
    await fixture.admin.query(
      "update jobs.jobs set created_at = created_at - interval '3 minutes', rank = rank + 3 where request_id = 'waited'",
    );
    // Within a rank, `busy-2` is the oldest, but `quiet` comes first, since its tenant has no running job; `plain` is
    // last, since its tenant has two.
    await fixture.admin.query(
      "update jobs.jobs set created_at = created_at - interval '1 millisecond' where request_id = 'busy-2'",
    );
    const run = await startRun();
    const order: string[] = [];
    for (
      let job = await claim(keeper, run, backend, undefined);
      job;
      job = await claim(keeper, run, backend, undefined)
    )
      order.push(job.requestId);
    assert.deepEqual(order, ["busy-1", "waited", "urgent", "quiet", "busy-2", "plain"]);
  });

  it("alternates between tenants with the same number of running jobs, even behind hundreds of older jobs", async () => {
    const newJobs = (tenant: string, count: number) =>
      Array.from({ length: count }, (_, index) => newJob(`${tenant}-${index}`, { tenant }));
    await accept(dispatcher, [...newJobs("busy", 250), ...newJobs("quiet", 3)]);
    // Sets the same rank in whatever minute the test runs, and makes the busy tenant's jobs older.
    await fixture.admin.query(
      `update jobs.jobs set rank = 0, created_at = created_at - case tenant when 'busy' then interval '1 second' else '0' end`,
    );
    const run = await startRun();
    const tenants: string[] = [];
    for (let round = 0; round < 6; round++)
      tenants.push((await claim(keeper, run, backend, undefined))?.tenant ?? "no job");
    assert.deepEqual(tenants, ["busy", "quiet", "busy", "quiet", "busy", "quiet"]);
  });

  it("renews the lease of the attempt that holds a job, and refuses heartbeats and results of an earlier attempt", async () => {
    await accept(dispatcher, [newJob("a")]);
    const run = await startRun();
    const first = await claim(keeper, run, backend, "log");
    assert(first);
    assert.equal(await heartbeat(keeper, run, first, { rows: 5, bytes: 6 }), "KEEP");
    assert.equal(await retry(keeper, first, new JobError("RunnerLost", { attempt: 1 }).body(), 1), "RETRIED");
    await fixture.admin.query("update jobs.jobs set not_before = null");
    const second = await claim(keeper, run, backend, undefined);
    assert.equal(second?.attempt, 2);
    assert.equal(await heartbeat(keeper, run, first, { rows: 9, bytes: 9 }), "LOST");
    assert.equal(await finish(keeper, first, success), undefined);
    assert.equal((await status("a")).status, "IN_PROGRESS");
    assert(await finish(keeper, second, success));
    assert.equal(await finish(keeper, second, success), undefined, "a terminal state is final");
  });

  it("stores the response with the final state, so that every copy is the same", async () => {
    await accept(dispatcher, [newJob("a", { labels: { k: "v" } })]);
    const run = await startRun();
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    const response = await finish(keeper, job, {
      ...success,
      result: '{"inline":[{"x":1.10,"y":null}],"format":"json","rows":1}',
    });
    assert(response?.body);
    const body = JSON.parse(response.body);
    assert.deepEqual(Object.keys(body), ["responseId", "requestId", "status", "result", "stats", "labels"]);
    assert.match(response.body, /"x":1\.10/, "numbers keep every digit");
    assert.deepEqual(Object.keys(body.stats), [
      "queueMs",
      "executionMs",
      "totalMs",
      "rows",
      "bytes",
      "peakMemoryBytes",
      "attempts",
    ]);
    assert.equal(body.stats.queueMs + body.stats.executionMs <= body.stats.totalMs + 1, true);
    await responsesSent(keeper, [{ id: response.id, version: response.version, messageId: "m-1" }]);
    assert.deepEqual(await dueResponses(dispatcher, 10), []);

    const [again] = await accept(dispatcher, [newJob("a", { labels: { k: "v" } })]);
    assert.deepEqual([again?.outcome, again?.isDueAgain, again?.status], ["REPEATED", true, "SUCCEEDED"]);
    // The repeat created a new version of the job.
    const copy = { ...response, version: response.version + 1 };
    assert.deepEqual(await dueResponses(dispatcher, 10, [again?.jobId ?? 0]), [copy]);
    assert.equal((await document("a")).response.messageId, "m-1");
  });

  it("escapes the two characters that SQS refuses in a response", async () => {
    await accept(dispatcher, [newJob("a", { labels: { odd: "\uFFFE\uFFFF" } })]);
    const job = await claim(keeper, await startRun(), backend, undefined);
    assert(job);
    const response = await finish(keeper, job, success);
    assert.doesNotMatch(response?.body ?? "", /[\uFFFE\uFFFF]/);
    assert.equal(JSON.parse(response?.body ?? "").labels.odd, "\uFFFE\uFFFF");
  });

  it("requeues a job until its attempts are used up, then fails it with the reason; each attempt is recorded", async () => {
    await accept(dispatcher, [newJob("a", { maxAttempts: 2 })]);
    const run = await startRun();
    const error = new JobError("DatabaseUnavailable", { reason: "gone" }).body();
    const first = await claim(keeper, run, backend, "the log");
    assert(first);
    assert.equal(await retry(keeper, first, error, 7), "RETRIED");
    assert.equal(await claim(keeper, run, backend, undefined), undefined, "it is in back-off");
    await fixture.admin.query("update jobs.jobs set not_before = jobs.clock()");
    await planRuns(dispatcher, testPlan("glue", 1));
    const second = await claim(keeper, run, backend, undefined);
    assert(second);
    assert.equal(await retry(keeper, second, error, 8), "FAILED");
    const failed = await document("a");
    assert.deepEqual(
      [
        failed.status,
        failed.error.type,
        failed.attempts.map(({ outcome, peakMemoryBytes }: { outcome: string; peakMemoryBytes: number }) => [
          outcome,
          peakMemoryBytes,
        ]),
      ],
      [
        "FAILED",
        "DatabaseUnavailable",
        [
          ["DatabaseUnavailable", 7],
          ["FAILED", 8],
        ],
      ],
    );
    assert.deepEqual(
      failed.statusHistory.map(({ status }: { status: string }) => status),
      ["PENDING", "IN_PROGRESS", "PENDING", "IN_PROGRESS", "FAILED"],
    );
    assert.equal(failed.attempts[0].logLocation, "the log");
    assert.equal((await dueResponses(dispatcher, 10, [second.id])).length, 1);
  });

  it("cancels a waiting job at once, notifies the run of a running job, and does not change an ended job", async () => {
    const api = await fixture.as("api_reader");
    await accept(dispatcher, [newJob("waiting", { runner: "ec2" }), newJob("running")]);
    const run = await startRun();
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    await keeper.query(`listen "jobs_run_${run}"`);
    const notified = new Promise((resolve) => keeper.once("notification", resolve));
    assert.equal(await cancel(api, "default", "waiting"), "CANCELLED");
    assert.equal(await cancel(api, "default", "running"), "IN_PROGRESS");
    await notified;
    assert.equal(await heartbeat(keeper, run, job, { rows: 0, bytes: 0 }), "CANCEL");
    assert(await finish(keeper, job, { ...success, status: "CANCELLED", error: new JobError("Cancelled").body() }));
    assert.equal(await cancel(api, "default", "running"), "CANCELLED");
    assert.equal(await cancel(api, "other", "running"), undefined);
    const ids = (await fixture.admin.query("select id from jobs.jobs")).rows.map((row) => Number(row.id));
    const [waiting, running] = await dueResponses(dispatcher, 10, ids);
    assert.deepEqual(
      JSON.parse(waiting?.body ?? "").error,
      JSON.parse(running?.body ?? "").error,
      "both errors are the same",
    );
  });

  it("lets a run end only when no job waits for it, and gives a drained run no further job", async () => {
    await accept(dispatcher, [newJob("a")]);
    const run = await startRun();
    assert.equal(await retire(keeper, run), false);
    await drain(keeper, run);
    await assert.rejects(claim(keeper, run, backend, undefined), { code: "P0002" });
  });

  it("claims from 20,000 waiting jobs about as fast as from 10", async () => {
    const fill = (count: number) =>
      fixture.admin.query(
        `insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, runner, priority, labels, timeout_seconds, max_attempts, lease_seconds, rank)
         select 't' || i % 3, 'job-' || i, 'h', i::text, '{"type":"read"}', 'glue', 4, '{}', 60, 3, 30, 0 from generate_series($1::int, $2::int) i`,
        [count === 10 ? 1 : 100, count],
      );
    await fill(10);
    const run = await startRun();
    const time = async () => {
      const times: number[] = [];
      for (let round = 0; round < 8; round++) {
        const start = performance.now();
        await claim(keeper, run, backend, undefined);
        times.push(performance.now() - start);
      }
      return Math.min(...times); // the minimum is the least affected by other load on the machine
    };
    const few = await time();
    await fill(20_000);
    await fixture.admin.query("analyze jobs.jobs");
    const many = await time();
    assert(many < few * 5 + 3, `${few.toFixed(2)} ms with 10 jobs, ${many.toFixed(2)} ms with 20,000`);
  });
});
