import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { newJob, testPlan } from "../testing/jobs.ts";
import { type TransitionClients, transitionStore } from "../testing/transitions.ts";
import {
  accept,
  cancel,
  dueResponses,
  finish,
  heartbeat,
  recordSession,
  responsesSent,
  retry,
  storeRefusal,
} from "./jobs.ts";
import { expireJobs, lostJobs, planRuns, settleLost } from "./runs.ts";

const noProgress = { rows: 0, bytes: 0 };
const success = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 2, peakMemoryBytes: 3 } as const;
const refusal = {
  responseId: "r",
  tenant: "default",
  requestId: "bad",
  error: new JobError("InvalidRequest", { count: 1 }).body(),
  labels: {},
};
const retryableError = new JobError("DatabaseUnavailable", { reason: "gone" }).body();

/** Effects of a job's transitions that jobs.test.ts does not cover. */
describe("the job store during a job's transitions", () => {
  let { fixture, dispatcher, keeper, run } = {} as TransitionClients;
  const { sql, startRun, claimNext, acceptAndClaim, jobColumns, countNotifications } = transitionStore((clients) => {
    ({ fixture, dispatcher, keeper, run } = clients);
  });

  it("accepts concurrent batches with the same ids in different orders without a deadlock", async () => {
    const others = await Promise.all([1, 2, 3].map(() => fixture.as("dispatcher")));
    for (let round = 0; round < 20; round++) {
      const batch = Array.from({ length: 40 }, (_, index) => newJob(`${round}-${index}`));
      const orders = [
        batch,
        batch.toReversed(),
        batch.toSorted((a, b) => ((a.requestId.at(-1) ?? "") < (b.requestId.at(-1) ?? "") ? 1 : -1)),
      ];
      const outcomes = await Promise.all(others.map((db, index) => accept(db, orders[index] ?? batch)));
      assert.equal(outcomes.flat().filter(({ outcome }) => outcome === "ACCEPTED").length, 40);
    }
  });

  it("wakes one idle run per job, and at each claim another idle run while jobs wait", async () => {
    const [{ id: newest }] = await sql(`insert into jobs.runs (runner, slot, version, state, start_deadline, seen_at)
      select runner, 9, version, 'RUNNING', jobs.clock(), jobs.clock() from jobs.runners where runner = 'glue' returning id`);
    const [{ id: outdated }] = await sql(`insert into jobs.runs (runner, slot, version, state, start_deadline, seen_at)
      values ('glue', 8, 'older', 'RUNNING', jobs.clock(), jobs.clock()) returning id`);
    const counters = await Promise.all([run, newest, outdated].map((id) => countNotifications(`jobs_run_${id}`)));
    const wakeUps = () => Promise.all(counters.map((count) => count()));
    await accept(dispatcher, [newJob("a")]);
    assert.deepEqual(await wakeUps(), [0, 1, 0], "the run that reported last");
    await accept(dispatcher, [newJob("b")]);
    assert.deepEqual(await wakeUps(), [0, 2, 0], "the same run, which has not claimed its job yet");
    await claimNext(newest);
    assert.deepEqual(await wakeUps(), [1, 2, 0], "the next run, for the waiting job");
    await claimNext();
    assert.deepEqual(await wakeUps(), [1, 2, 0], "no run, since no job waits");
    await accept(dispatcher, [newJob("c", { runner: "ec2" })]);
    assert.deepEqual(await wakeUps(), [1, 2, 0], "no run of another type");
  });

  it("wakes all runs of the type when the back-off of a job is over", async () => {
    const [glue, ec2] = [await countNotifications("jobs_waiting_glue"), await countNotifications("jobs_waiting_ec2")];
    await retry(keeper, await acceptAndClaim("a"), retryableError, 1);
    await sql("update jobs.jobs set not_before = jobs.clock()");
    await planRuns(dispatcher, testPlan("glue", 9));
    assert.deepEqual([await glue(), await ec2()], [1, 0]);
  });

  it("does not make a job's response due again when its id is reused for another task", async () => {
    const response = await finish(keeper, await acceptAndClaim("a"), success);
    await responsesSent(keeper, [{ id: response?.id ?? 0, version: response?.version ?? 0, messageId: "m-1" }]);
    const [conflict] = await accept(dispatcher, [newJob("a", { requestHash: "other", responseId: "x" })]);
    assert.equal(conflict?.outcome, "CONFLICT");
    assert.deepEqual(await sql("select message_id from jobs.responses where sent_at is null"), []);
  });

  it("repeats the response of a request that created no job", async () => {
    const first = await storeRefusal(dispatcher, refusal);
    await responsesSent(dispatcher, [{ id: first.id, version: first.version, messageId: "m-1" }]);
    const second = await storeRefusal(dispatcher, { ...refusal, labels: { another: "time" } });
    assert.equal(second.id, first.id);
    assert.deepEqual(await sql("select body, sent_at from jobs.responses"), [{ body: first.body, sent_at: null }]);
  });

  it("sets the lease and time limit of a claimed job, and resets the progress of an earlier attempt", async () => {
    const job = await acceptAndClaim("a", { leaseSeconds: 30, timeoutSeconds: 600 });
    await heartbeat(keeper, run, job, { rows: 5, bytes: 6 });
    await retry(keeper, job, retryableError, 1);
    await sql("update jobs.jobs set not_before = null");
    await claimNext();
    const row = await jobColumns(
      "a",
      "extract(epoch from lease_until - jobs.clock())::float8 as lease, extract(epoch from deadline - jobs.clock())::float8 as time, progress",
    );
    assert(row.lease > 15 && row.lease <= 30, `a lease of ${row.lease} s`);
    assert(row.time > 585 && row.time <= 600, `${row.time} s to its end`);
    assert.deepEqual(row.progress, noProgress);
  });

  it("accepts heartbeats only from the run that holds the job, and extends its lease", async () => {
    const job = await acceptAndClaim("a");
    const other = await startRun();
    assert.equal(await heartbeat(keeper, other, job, noProgress), "LOST");
    await sql("update jobs.jobs set lease_until = jobs.clock() + interval '1 second'");
    assert.equal(await heartbeat(keeper, run, job, noProgress), "KEEP");
    const { lease } = await jobColumns("a", "extract(epoch from lease_until - jobs.clock())::float8 as lease");
    assert(lease > 15, `a lease of ${lease} s`);
    await sql("update jobs.runs set state = 'RETIRING' where id = $1", run);
    assert.equal(
      await heartbeat(keeper, run, job, noProgress),
      "LOST",
      "its run is retiring, and no other run has the job yet",
    );
  });

  it("treats only the progress in a heartbeat as a change of the document", async () => {
    const job = await acceptAndClaim("a");
    const change = () => jobColumns("a", "version, changed::text, changed_at");
    const before = await change();
    await heartbeat(keeper, run, job, noProgress);
    assert.deepEqual(await change(), before);
    await heartbeat(keeper, run, job, { rows: 1, bytes: 1 });
    const after = await change();
    assert.equal(Number(after.version), Number(before.version) + 1);
    assert(Number(after.changed) > Number(before.changed) && after.changed_at > before.changed_at);
  });

  it("records another session only for the run and the attempt that hold the job", async () => {
    const job = await acceptAndClaim("a");
    const session = { pid: 7, start: "2022-02-02T00:00:00Z" };
    const other = await startRun();
    assert.equal(await recordSession(keeper, other, job, session), false);
    assert.equal(await recordSession(keeper, run, { ...job, attempt: 0 }, session), false);
    assert.equal((await jobColumns("a", "backend_pid")).backend_pid, 1);
    assert.equal(await recordSession(keeper, run, job, session), true);
    assert.equal((await jobColumns("a", "backend_pid")).backend_pid, 7);
  });

  it("keeps the items of a failed batch for a retry, and deletes those of a successful batch", async () => {
    const items = [{ a: 1 }];
    const good = await acceptAndClaim("good", { inline: items });
    await finish(keeper, good, success);
    const bad = await acceptAndClaim("bad", { inline: items });
    await finish(keeper, bad, { ...success, status: "FAILED", error: retryableError });
    assert.deepEqual(
      [(await jobColumns("good", "inline")).inline, (await jobColumns("bad", "inline")).inline],
      [null, items],
    );
  });

  it("ends a job once when two sessions end its attempt concurrently", async () => {
    const job = await acceptAndClaim("a");
    const other = await fixture.as("job_keeper");
    await keeper.query("begin");
    assert(await finish(keeper, job, success));
    const late = finish(other, job, { ...success, status: "FAILED", error: retryableError });
    while ((await sql("select from pg_locks where not granted")).length === 0);
    await keeper.query("commit");
    assert.equal(await late, undefined);
    assert.equal((await jobColumns("a", "status")).status, "SUCCEEDED");
  });

  it("refuses the end of an attempt that has already ended", async () => {
    const first = await acceptAndClaim("a");
    await retry(keeper, first, retryableError, 1);
    await sql("update jobs.jobs set not_before = null");
    await claimNext();
    assert.equal(await retry(keeper, first, retryableError, 1), "LOST");
    assert.deepEqual(await jobColumns("a", "status, attempt"), { status: "IN_PROGRESS", attempt: 2 });
  });

  it("doubles the back-off with each failed attempt, up to five minutes; meanwhile the job has no run and no session", async () => {
    const waits: number[] = [];
    await accept(dispatcher, [newJob("a", { maxAttempts: 20 })]);
    for (const attempt of [1, 2, 3, 19]) {
      await sql("update jobs.jobs set not_before = null, attempt = $1", attempt - 1);
      await retry(keeper, await claimNext(), retryableError, 1);
      const row = await jobColumns(
        "a",
        "extract(epoch from not_before - (status_history -> -1 ->> 'at')::timestamptz)::float8 as wait, backend_pid, run_id",
      );
      waits.push(Math.round(row.wait));
      assert.deepEqual([row.backend_pid, row.run_id], [null, null]);
    }
    assert.deepEqual(waits, [2, 4, 8, 300]);
  });

  it("notifies a run of a cancel once, and keeps the time of the first request", async () => {
    const job = await acceptAndClaim("a");
    const notifications = await countNotifications(`jobs_run_${run}`);
    const api = await fixture.as("api_reader");
    await cancel(api, "default", job.requestId);
    const first = (await jobColumns("a", "cancel_requested_at")).cancel_requested_at;
    await cancel(api, "default", job.requestId);
    assert.deepEqual((await jobColumns("a", "cancel_requested_at")).cancel_requested_at, first);
    assert.equal(await notifications(), 1);
  });

  it("reports a cancel with its reason, even if the run does not report it", async () => {
    const job = await acceptAndClaim("a");
    const api = await fixture.as("api_reader");
    await api.query("select jobs.cancel('default', 'a', 'wrong month')");
    await api.query("select jobs.cancel('default', 'a', 'too late')");
    const error = new JobError("Cancelled").body();
    await finish(keeper, job, { status: "CANCELLED", error, rows: 0, bytes: 0, peakMemoryBytes: 0 });
    const { rows } = await fixture.admin.query(
      "select document, response from jobs.documents d join jobs.jobs j using (id)",
    );
    const [{ document, response }] = rows;
    const reported = new JobError("Cancelled", { reason: " Reason: wrong month" }).body();
    assert.deepEqual([document.cancelReason, document.error.message], ["wrong month", reported.message]);
    assert.equal(JSON.parse(response).error.message, reported.message);
  });

  it("reserves a due response for one sender at a time, and again if no sending was recorded", async () => {
    await finish(keeper, await acceptAndClaim("a"), success);
    assert.deepEqual(await dueResponses(dispatcher, 10), [], "its run sends it first");
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    const senders = await Promise.all([dispatcher, await fixture.as("dispatcher")].map((db) => dueResponses(db, 10)));
    assert.equal(senders.flat().length, 1);
    assert.deepEqual(await dueResponses(dispatcher, 10), [], "it is reserved");
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    assert.equal((await dueResponses(dispatcher, 10)).length, 1);
  });

  it("skips a response that another sender has reserved", async () => {
    await finish(keeper, await acceptAndClaim("a"), success);
    await finish(keeper, await acceptAndClaim("b"), success);
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    await dispatcher.query("begin");
    try {
      assert.equal((await dueResponses(dispatcher, 1)).length, 1);
      assert.equal((await dueResponses(await fixture.as("dispatcher"), 10)).length, 1, "the other response, at once");
    } finally {
      await dispatcher.query("commit");
    }
  });

  it("records that a response was sent", async () => {
    const response = await finish(keeper, await acceptAndClaim("a"), success);
    const changed = () => jobColumns("a", "version, changed, changed_at");
    const before = await changed();
    const sent = { id: response?.id ?? 0, version: response?.version ?? 0 };
    for (const messageId of ["m-1", "m-2"]) await responsesSent(keeper, [{ ...sent, messageId }]);
    assert.equal(
      (await sql("select message_id from jobs.responses"))[0]?.message_id,
      "m-1",
      "the second record of the same response changes nothing",
    );
    assert.deepEqual(await changed(), before, "its document does not change in the tracking store");
  });

  it("gives a job past its time limit the grace of one lease before it is lost", async () => {
    await acceptAndClaim("a");
    await sql("update jobs.jobs set deadline = jobs.clock() - interval '1 second'");
    assert.deepEqual(await lostJobs(dispatcher), []);
    await sql("update jobs.jobs set deadline = jobs.clock() - interval '31 seconds'");
    assert.equal((await lostJobs(dispatcher)).length, 1);
  });

  it("makes the response of a lost job due at once, since no run sends it", async () => {
    const job = await acceptAndClaim("a", { maxAttempts: 1 });
    await sql("update jobs.jobs set lease_until = jobs.clock() - interval '1 second'");
    const [lost] = await lostJobs(dispatcher);
    assert(lost);
    await settleLost(dispatcher, lost, new JobError("RunnerLost", { attempt: job.attempt }).body());
    assert.equal((await dueResponses(dispatcher, 10)).length, 1);
  });

  it("stops waiting for a locked lost job, and settles it once it is unlocked", async () => {
    await acceptAndClaim("a");
    await sql("update jobs.jobs set lease_until = jobs.clock() - interval '1 second'");
    const [lost] = await lostJobs(dispatcher);
    assert(lost);
    await fixture.admin.query("begin; select from jobs.jobs for update");
    try {
      await assert.rejects(settleLost(dispatcher, lost, retryableError), { code: "55P03" });
    } finally {
      await fixture.admin.query("rollback");
    }
    await settleLost(dispatcher, lost, retryableError);
    assert.notEqual((await jobColumns("a", "status")).status, "IN_PROGRESS");
  });

  it("deletes no response that was not sent", async () => {
    const { id, version } = await storeRefusal(dispatcher, refusal);
    await sql("update jobs.answers set created_at = created_at - interval '9 days'");
    await expireJobs(dispatcher, 1, 100);
    assert.equal((await sql("select from jobs.responses")).length, 1);
    await responsesSent(dispatcher, [{ id, version, messageId: "m" }]);
    await expireJobs(dispatcher, 1, 100);
    assert.deepEqual(await sql("select from jobs.responses"), []);
  });
});
