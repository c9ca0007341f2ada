import assert from "node:assert/strict";
import type pg from "pg";
import { newJob, storeWithRun } from "../testing/jobs.ts";
import { accept, type ClaimedJob, claim, finishAndClaim, type SentResponse } from "./jobs.ts";
import { runEnded } from "./runs.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const success = {
  status: "SUCCEEDED",
  result: '{"inline":[],"format":"json","rows":0}',
  rows: 0,
  bytes: 2,
  peakMemoryBytes: 3,
} as const;

describe("ending a job and claiming the next one in one call", () => {
  let fixture: Awaited<ReturnType<typeof storeWithRun>>["fixture"];
  let dispatcher: pg.Client;
  let keeper: pg.Client;
  let run: string;
  beforeEach(async () => {
    ({ fixture, dispatcher, keeper, run } = await storeWithRun());
    await fixture.admin.query("delete from jobs.jobs");
  });
  afterEach(() => fixture.close());

  const acceptAndClaim = async (...ids: string[]): Promise<ClaimedJob> => {
    for (const id of ids) await accept(dispatcher, [newJob(id)]);
    const job = await claim(keeper, run, backend, undefined);
    assert(job);
    assert.equal(job.requestId, ids[0]);
    return job;
  };
  const finishJob = (job: ClaimedJob, sent: SentResponse[] = []) =>
    finishAndClaim(keeper, job, success, { run, backend, log: "log" }, sent);
  const states = async () =>
    (await fixture.admin.query("select request_id, status, attempt from jobs.jobs order by id")).rows.map(
      ({ request_id, status, attempt }) => `${request_id} ${status} ${attempt}`,
    );

  it("returns the response and the next job, and records earlier responses as sent, in one transaction", async () => {
    const first = await finishJob(await acceptAndClaim("a", "b", "c"));
    assert.deepEqual([first.response?.requestId, first.running], ["a", true]);
    assert.match(first.response?.body ?? "", /"requestId" : "a"/);
    assert(first.next && first.response);
    assert.deepEqual([first.next.requestId, first.next.attempt], ["b", 1]);

    const second = await finishJob(first.next, [
      { id: first.response.id, version: first.response.version, messageId: "m-1" },
    ]);
    assert.deepEqual([second.response?.requestId, second.next?.requestId], ["b", "c"]);
    assert.deepEqual(await states(), ["a SUCCEEDED 1", "b SUCCEEDED 1", "c IN_PROGRESS 1"]);
    const { rows } = await fixture.admin.query(
      "select message_id, sent_at is not null as sent from jobs.responses order by id",
    );
    assert.deepEqual(rows, [
      { message_id: "m-1", sent: true },
      { message_id: null, sent: false },
    ]);
    const { rows: transactions } = await fixture.admin.query(
      `select count(distinct changed)::int as n from (
         select changed from jobs.jobs where request_id in ('b', 'c') union all
         select xmin::text::xid8 from jobs.sendings) changes`,
    );
    assert.equal(transactions[0].n, 1);
  });

  it("returns no job when none waits", async () => {
    const { response, next, running } = await finishJob(await acceptAndClaim("a"));
    assert.deepEqual([response?.requestId, next, running], ["a", undefined, true]);
  });

  it("returns the next job and no response to an attempt that no longer holds its job", async () => {
    const job = await acceptAndClaim("a", "b");
    const { response, next } = await finishJob({ ...job, attempt: 7 });
    assert.deepEqual([response, next?.requestId], [undefined, "b"]);
    assert.deepEqual(await states(), ["a IN_PROGRESS 1", "b IN_PROGRESS 1"]);
  });

  it("ends the job of a run that was abandoned, and gives it no further job", async () => {
    const job = await acceptAndClaim("a", "b");
    await runEnded(dispatcher, run, "stopped");
    const { response, next, running } = await finishJob(job);
    assert.deepEqual([response?.requestId, next, running], ["a", undefined, false]);
    assert.deepEqual(await states(), ["a SUCCEEDED 1", "b PENDING 0"]);
  });

  it("does not deadlock with the end of its run, whose unrecorded responses become due", async () => {
    const first = await finishJob(await acceptAndClaim("a", "b"));
    assert(first.response && first.next);
    await fixture.admin.query("begin; select from jobs.runs for update");
    const ending = finishJob(first.next, [
      { id: first.response.id, version: first.response.version, messageId: "m-1" },
    ]);
    while ((await dispatcher.query("select from pg_locks where not granted")).rowCount === 0);
    await fixture.admin.query("select jobs.run_ended($1, 'stopped')", [run]);
    await fixture.admin.query("commit");
    const { response, next, running } = await ending;
    assert.deepEqual([response?.requestId, next, running], ["b", undefined, false]);
    const { rows } = await fixture.admin.query(
      "select request_id, message_id, due_at is not null as due from jobs.jobs order by id",
    );
    assert.deepEqual(rows, [
      { request_id: "a", message_id: "m-1", due: false },
      { request_id: "b", message_id: null, due: true },
    ]);
  });

  it("does not deadlock with the end of its run if it records no response", async () => {
    const job = await acceptAndClaim("a");
    await fixture.admin.query("begin; select from jobs.runs for update");
    const ending = finishJob(job);
    while ((await dispatcher.query("select from pg_locks where not granted")).rowCount === 0);
    await fixture.admin.query("select jobs.run_ended($1, 'stopped')", [run]);
    await fixture.admin.query("commit");
    const { response, running } = await ending;
    assert.deepEqual([response?.requestId, running], ["a", false]);
  });
});
