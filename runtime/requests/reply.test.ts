import assert from "node:assert/strict";
import type pg from "pg";
import { readMetrics } from "../monitoring/metrics.ts";
import { accept, type ClaimedJob, cancel, claim, dueResponses, finish, responsesSent } from "../store/jobs.ts";
import { expireJobs } from "../store/runs.ts";
import { newJob, storeWithRun } from "../testing/jobs.ts";

const success = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 2, peakMemoryBytes: 3 } as const;
const noReply = { reply: "none" } as const;

describe("a request's reply", () => {
  let fixture: Awaited<ReturnType<typeof storeWithRun>>["fixture"];
  let dispatcher: pg.Client;
  let runner: pg.Client;
  let run: string;
  before(async () => {
    ({ fixture, dispatcher, keeper: runner, run } = await storeWithRun());
  });
  beforeEach(() => fixture.admin.query("delete from jobs.jobs; delete from jobs.reply_requests"));
  after(() => fixture.close());

  const claimJob = async (requestId: string, fields: object = {}): Promise<ClaimedJob> => {
    await accept(dispatcher, [newJob(requestId, fields)]);
    const job = await claim(runner, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert(job);
    return job;
  };
  const due = async (ids?: number[]) => {
    await fixture.admin.query("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    return (await dueResponses(dispatcher, 10, ids)).map(({ requestId, body }) => [requestId, JSON.parse(body).status]);
  };
  const storedResponses = async () => (await fixture.admin.query("select request_id, body from jobs.responses")).rows;

  it("none: stores the response for reading, and neither returns it to the run nor sends it", async () => {
    const job = await claimJob("a", noReply);
    const response = await finish(runner, job, success);
    assert.equal(response?.body, undefined);
    assert.equal(JSON.parse((await storedResponses())[0].body).status, "SUCCEEDED");
    assert.deepEqual([await due(), await due([job.id])], [[], []]);
    assert.equal((await readMetrics(dispatcher, 1)).platform.unsentResponses, 0);
    const { rows } = await fixture.admin.query("select document ->> 'reply' as reply from jobs.documents");
    assert.equal(rows[0].reply, "none");
  });

  it("none: sends no response of a job that is cancelled while it waits", async () => {
    await accept(dispatcher, [newJob("a", noReply)]);
    assert.equal(await cancel(await fixture.as("api_reader"), "default", "a"), "CANCELLED");
    assert.deepEqual([(await storedResponses()).length, await due()], [1, []]);
  });

  it("none: deletes an old job although its response was never sent", async () => {
    await finish(runner, await claimJob("a", noReply), success);
    await fixture.admin.query("update jobs.jobs set finished_at = finished_at - interval '9 days'");
    assert.equal(await expireJobs(dispatcher, 1, 10), 1);
  });

  it("queue, in a repeat: sends the response of an ended job, even if the first request had reply none", async () => {
    const job = await claimJob("a", noReply);
    await finish(runner, job, success);
    const [repeat] = await accept(dispatcher, [newJob("a", noReply)]);
    assert.deepEqual([repeat?.outcome, repeat?.isDueAgain, await due()], ["REPEATED", false, []]);
    const [repeated] = await accept(dispatcher, [newJob("a")]);
    assert.deepEqual([repeated?.outcome, repeated?.isDueAgain], ["REPEATED", true]);
    const [response] = await dueResponses(dispatcher, 1, [job.id]);
    assert.equal(response?.body, (await storedResponses())[0].body, "all copies are the same");
    await responsesSent(dispatcher, [{ id: response?.id ?? 0, version: response?.version ?? 0, messageId: "m" }]);
    await accept(dispatcher, [newJob("a", noReply)]);
    assert.deepEqual(await due(), [], "a repeat without reply sends nothing");
    await accept(dispatcher, [newJob("a")]);
    assert.deepEqual(await due(), [["a", "SUCCEEDED"]], "the response is due again");
  });

  it("queue, in a repeat: sends the response of a running job when it ends", async () => {
    const job = await claimJob("a", noReply);
    await accept(dispatcher, [newJob("a")]);
    assert.deepEqual(await due(), []);
    const response = await finish(runner, job, success);
    assert.equal(JSON.parse(response?.body ?? "").status, "SUCCEEDED", "the run sends it");
    assert.deepEqual(await due(), [["a", "SUCCEEDED"]]);
  });

  it("queue, in the same batch as the first request: sends the response", async () => {
    await accept(dispatcher, [newJob("a", noReply), newJob("a")]);
    const job = await claim(runner, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert(job);
    assert((await finish(runner, job, success))?.body);
  });

  it("queue, in a repeat during the commit of the job's end: sends the response", async () => {
    const job = await claimJob("a", noReply);
    await runner.query("begin");
    const response = await finish(runner, job, success);
    assert.equal(response?.body, undefined);
    const repeated = accept(dispatcher, [newJob("a")]);
    await runner.query("commit");
    assert.equal((await repeated)[0]?.outcome, "REPEATED");
    assert.deepEqual(await due(), [["a", "SUCCEEDED"]]);
  });

  it("queue, in a repeat that the job's end did not see: the dispatcher's next tick sends the response", async () => {
    const job = await claimJob("a", noReply);
    await finish(runner, job, success);
    await fixture.admin.query("insert into jobs.reply_requests select id from jobs.jobs");
    assert.deepEqual(await due(), [["a", "SUCCEEDED"]]);
    assert.equal((await fixture.admin.query("select from jobs.reply_requests")).rows.length, 0);
  });

  it("queue, in repeats that their jobs' ends did not see: a run gets only the response of the job that it requests", async () => {
    const jobs = [await claimJob("a", noReply), await claimJob("b", noReply)];
    for (const job of jobs) await finish(runner, job, success);
    await fixture.admin.query("insert into jobs.reply_requests select id from jobs.jobs");
    const [response] = await dueResponses(runner, 1, [jobs[1]?.id ?? 0]);
    assert.equal(response?.requestId, "b");
    assert.deepEqual((await fixture.admin.query("select job_id::int from jobs.reply_requests")).rows, [
      { job_id: jobs[0]?.id },
    ]);
  });

  it("of a conflicting request does not change the first job's reply", async () => {
    const job = await claimJob("a", noReply);
    await accept(dispatcher, [newJob("a", { requestHash: "other", responseId: "other" })]);
    assert.equal((await finish(runner, job, success))?.body, undefined);
    await accept(dispatcher, [newJob("a", { requestHash: "other", responseId: "other" })]);
    assert.deepEqual(await due(), []);
  });
});
