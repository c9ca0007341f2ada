import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { backendOf } from "../store/backend.ts";
import { accept, cancel, claim, finish, heartbeat, responsesSent, runStarted } from "../store/jobs.ts";
import { lostJobs, planRuns, settleLost } from "../store/runs.ts";
import { testDispatcher } from "../testing/dispatcher.ts";
import { newJob, testPlan } from "../testing/jobs.ts";
import { reindexAll, syncTracking } from "./syncTracking.ts";

describe("the tracking store's synchronization", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher();
  });
  afterEach(() => d.close());

  it("follows a job through every transition, and writes only changes", async () => {
    const { db, tracking } = d.context;
    const syncedDocument = async () => {
      await syncTracking(d.context);
      return tracking.get("default", "a");
    };
    await accept(db, [newJob("a", { inline: [{ secret: 1 }] })]);
    assert.equal((await syncedDocument())?.status, "PENDING");
    assert.equal(await syncTracking(d.context), 0, "nothing has changed since");

    const keeper = await d.as("job_keeper");
    const [run = ""] = await planRuns(db, testPlan("glue", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    assert.equal((await syncedDocument())?.status, "IN_PROGRESS");
    await heartbeat(keeper, run, job, { rows: 5, bytes: 50 });
    assert.deepEqual((await syncedDocument())?.progress, { rows: 5, bytes: 50 });
    await heartbeat(keeper, run, job, { rows: 5, bytes: 50 });
    assert.equal(await syncTracking(d.context), 0, "a heartbeat without progress is not a change");

    const response = await finish(keeper, job, {
      status: "SUCCEEDED",
      result: '{"inline":[1],"format":"json","rows":1}',
      rows: 1,
      bytes: 2,
      peakMemoryBytes: 3,
    });
    await responsesSent(keeper, [{ id: response?.id ?? 0, version: response?.version ?? 0, messageId: "message-1" }]);
    const last = await syncedDocument();
    assert(last);
    assert.deepEqual([last.status, last.response], ["SUCCEEDED", undefined]);
    assert.doesNotMatch(
      JSON.stringify(last),
      /secret|"inline"/,
      "it contains neither the inline batch nor the inline result",
    );
  });

  it("loses no change that is made while the previous change is written", async () => {
    const { db, tracking } = d.context;
    await accept(db, [newJob("a")]);
    const changing = Object.assign(Object.create(tracking), {
      async put(documents: Parameters<typeof tracking.put>[0]) {
        await cancel(await d.as("api_reader"), "default", "a");
        return tracking.put(documents);
      },
    });
    await syncTracking({ ...d.context, tracking: changing });
    assert.equal((await tracking.get("default", "a"))?.status, "PENDING");
    assert.equal(await syncTracking(d.context), 1);
    assert.equal((await tracking.get("default", "a"))?.status, "CANCELLED");
  });

  it("finds a change whose transaction commits after later transactions, once, however long it was open", async () => {
    const { db, tracking } = d.context;
    await accept(db, [newJob("late"), newJob("other")]);
    assert.equal(await syncTracking(d.context), 2);
    const slow = await d.as("api_reader");
    await slow.query("begin");
    await cancel(slow, "default", "late");
    for (const requestId of ["later", "even later"]) {
      await accept(db, [newJob(requestId)]);
      assert.equal(await syncTracking(d.context), 1);
    }
    await slow.query("commit");
    assert.equal(await syncTracking(d.context), 1);
    assert.equal((await tracking.get("default", "late"))?.status, "CANCELLED");
    assert.equal(await syncTracking(d.context), 0);
  });

  it("continues an unfinished pass, and begins no new pass while nothing has changed", async () => {
    const { db, tracking } = d.context;
    await accept(
      db,
      Array.from({ length: 501 }, (_, index) => newJob(`job-${index}`)),
    );
    const put = tracking.put.bind(tracking);
    let puts = 0;
    tracking.put = async (documents) => (++puts === 2 ? Promise.reject(new Error("down")) : put(documents));
    await assert.rejects(syncTracking(d.context), /down/);
    await accept(db, [newJob("meanwhile")]);
    await elapse(1);
    assert.equal(await syncTracking(d.context), 1, "the last document of the pass");
    assert.equal(await syncTracking(d.context), 1, "what changed during the pass");
    assert.equal((await tracking.summarize({})).total, 502);
    const progress = async () => (await d.admin.query("select xmin, pass, done from jobs.tracking_progress")).rows;
    const before = await progress();
    assert.equal(await syncTracking(d.context), 0);
    assert.deepEqual(await progress(), before);
  });

  it("follows a job back to PENDING after a lost run, to its last attempt, and to its cancellation", async () => {
    const { db, tracking } = d.context;
    const syncedDocument = async (id: string) => {
      assert((await syncTracking(d.context)) > 0, "there was a change");
      return tracking.get("default", id);
    };
    await accept(db, [newJob("a", { maxAttempts: 2 })]);
    const keeper = await d.as("job_keeper");
    const [run = ""] = await planRuns(db, testPlan("glue", 1));
    await runStarted(keeper, run);
    const lose = async () => {
      await d.admin.query("update jobs.jobs set not_before = null");
      assert(await claim(keeper, run, await backendOf(keeper), undefined));
      assert.equal((await syncedDocument("a"))?.status, "IN_PROGRESS");
      await d.admin.query("update jobs.jobs set lease_until = jobs.clock() - interval '1 second'");
      const [lost] = await lostJobs(db);
      assert(lost);
      await settleLost(db, lost, new JobError("RunnerLost", { attempt: lost.attempt }).body());
      const document = await syncedDocument("a");
      assert(document);
      return [document.status, (document.attempts as { outcome: string }[]).map(({ outcome }) => outcome)];
    };
    assert.deepEqual(await lose(), ["PENDING", ["RunnerLost"]]);
    assert.deepEqual(await lose(), ["FAILED", ["RunnerLost", "FAILED"]]);
    assert.deepEqual((await tracking.search({ text: "RunnerLost", limit: 9 })).documents.length, 1);

    await accept(db, [newJob("b")]);
    assert.equal((await syncedDocument("b"))?.status, "PENDING");
    await cancel(await d.as("api_reader"), "default", "b");
    assert.equal((await syncedDocument("b"))?.status, "CANCELLED");
  });

  const accepted = (count: number) =>
    accept(
      d.context.db,
      Array.from({ length: count }, (_, index) => newJob(`job-${index}`)),
    );
  /** Shortens all pauses by a number of seconds, as if it had passed. */
  const elapse = async (seconds: number) => {
    const earlier = `- interval '${seconds} seconds'`;
    await d.admin.query(`update jobs.tracking_pause set paused_until = paused_until ${earlier}`);
    await d.admin.query(`update jobs.tracking_refused set not_before = not_before ${earlier}`);
  };

  it("pauses for longer each time while the tracking store is down, and catches up when it is back", async () => {
    const { tracking } = d.context;
    const put = tracking.put.bind(tracking);
    let calls = 0;
    tracking.put = () => {
      calls++;
      return Promise.reject(new Error("down"));
    };
    await accepted(1_200);
    await assert.rejects(syncTracking(d.context), /down/);
    assert.equal(await syncTracking(d.context), 0, "the store is not called during the pause");
    assert.equal(calls, 1);
    await elapse(1);
    await assert.rejects(syncTracking(d.context), /down/);
    await elapse(1);
    assert.equal(await syncTracking(d.context), 0, "the second pause is two seconds");
    await elapse(1);
    await assert.rejects(syncTracking(d.context), /down/);
    for (let attempt = 0; attempt < 12; attempt++) {
      await elapse(60);
      await assert.rejects(syncTracking(d.context), /down/);
    }

    tracking.put = put;
    await elapse(60);
    assert.equal(await syncTracking(d.context), 1_200, "a pause is at most a minute");
    assert.equal((await tracking.summarize({})).total, 1_200);
    tracking.put = () => Promise.reject(new Error("down again"));
    await accept(d.context.db, [newJob("after")]);
    await assert.rejects(syncTracking(d.context), /again/);
    await elapse(1);
    await assert.rejects(syncTracking(d.context), /again/, "the first pause is one second again");
  });

  it("does not let refused documents keep others from being written, however many there are", async () => {
    const { tracking } = d.context;
    const put = tracking.put.bind(tracking);
    const isBad = (id: string) => Number(id.slice(4)) < 600;
    tracking.put = async (documents) => {
      await put(documents.filter(({ document }) => !isBad(document.requestId)));
      return documents.flatMap(({ document }, index) =>
        isBad(document.requestId) ? [{ index, reason: "400 mapper_parsing_exception", final: true }] : [],
      );
    };
    await accepted(700);
    let written = 0;
    for (let call = 0; call < 3; call++) written += await syncTracking(d.context);
    assert.equal(written, 100);
    assert.deepEqual((await tracking.summarize({})).total, 100);
    await accept(d.context.db, [newJob("job-999")]);
    await elapse(1);
    assert.equal(await syncTracking(d.context), 1, "new documents come before refused ones");

    tracking.put = put;
    assert.equal(await syncTracking(d.context), 0, "refused documents wait");
    await elapse(60);
    assert.equal(await syncTracking(d.context), 600);
    assert.equal((await tracking.summarize({})).total, 701);
  });

  it("can be rebuilt from the jobs", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b")]);
    await syncTracking(d.context);
    await d.admin.query("truncate tracking.documents");
    assert.equal(await syncTracking(d.context), 0, "the loss is not detected");
    assert.equal(await reindexAll(d.context.db), 2);
    assert.equal(await syncTracking(d.context), 2);
  });
});
