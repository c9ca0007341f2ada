import assert from "node:assert/strict";
import { readMetrics } from "../monitoring/metrics.ts";
import { newJob } from "../testing/jobs.ts";
import { backend, type TransitionClients, transitionStore } from "../testing/transitions.ts";
import {
  accept,
  type ClaimedJob,
  claim,
  type DueResponse,
  dueResponses,
  finishAndClaim,
  isDue,
  responsesSent,
  type SentResponse,
} from "./jobs.ts";
import { expireJobs, runEnded } from "./runs.ts";

const success = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 2, peakMemoryBytes: 3 } as const;

describe("the responses of a run that continues", () => {
  let { fixture, dispatcher, keeper, run } = {} as TransitionClients;
  const { sql, acceptAndClaim, jobColumns, startRun } = transitionStore((clients) => {
    ({ fixture, dispatcher, keeper, run } = clients);
  });
  beforeEach(() => sql("delete from jobs.sendings"));

  const endJob = async (job: ClaimedJob): Promise<DueResponse> => {
    const { response } = await finishAndClaim(keeper, job, success, { run, backend, log: undefined }, []);
    assert(response && isDue(response));
    return response;
  };
  const endJobs = async (...requestIds: string[]): Promise<DueResponse[]> => {
    const responses: DueResponse[] = [];
    for (const id of requestIds) responses.push(await endJob(await acceptAndClaim(id)));
    return responses;
  };
  const sendings = (...sent: (DueResponse | undefined)[]): SentResponse[] =>
    sent.flatMap((response) =>
      response ? [{ id: response.id, version: response.version, messageId: `m-${response.requestId}` }] : [],
    );
  const record = (...sent: (DueResponse | undefined)[]) => responsesSent(keeper, sendings(...sent));
  const states = async () =>
    (
      await sql(
        `select request_id, case when due_at is not null then 'due' when sent_at is null then 'unsent' else message_id end as state
         from jobs.responses order by id`,
      )
    ).map(({ request_id, state }) => `${request_id} ${state}`);
  /** Lets 11 seconds pass for all ended jobs. */
  const elapse = () => sql("update jobs.jobs set finished_at = finished_at - interval '11 seconds'");
  const due = async () => (await dueResponses(dispatcher, 10)).map(({ requestId }) => requestId);

  it("are recorded together, without a new version of their jobs' rows", async () => {
    const responses = await endJobs("a", "b", "c");
    const rows = () => sql("select xmin::text from jobs.jobs order by id");
    const before = await rows();
    assert.deepEqual(await states(), ["a due", "b due", "c due"]);
    await record(...responses);
    assert.deepEqual(await rows(), before);
    assert.equal((await sql("select from jobs.sendings")).length, 1);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
    const documents = await sql("select document -> 'response' as response from jobs.documents order by id");
    assert.deepEqual(
      documents.map(({ response }) => [response.messageId, Number.isNaN(Date.parse(response.sentAt))]),
      [
        ["m-a", false],
        ["m-b", false],
        ["m-c", false],
      ],
    );
    await elapse();
    assert.deepEqual(await due(), []);
  });

  it("are recorded by several calls, each for the responses since the previous call", async () => {
    const [a, b, c] = await endJobs("a", "b", "c");
    await record(a);
    await record(a);
    assert.deepEqual(await states(), ["a m-a", "b due", "c due"]);
    await record(c, b);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
  });

  it("are recorded again, with later responses, without a change", async () => {
    const [a, b, c] = await endJobs("a", "b", "c");
    const rows = () =>
      sql("select xmin::text, ctid::text from jobs.jobs union all select xmin::text, ctid::text from jobs.sendings");
    await record(a, b);
    const before = await rows();
    await record(a, b);
    assert.deepEqual(await rows(), before);
    await record(a, b, c);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
    assert.equal((await sql("select from jobs.sendings")).length, 2);
  });

  for (const outcome of ["commit", "rollback"])
    it(`are recorded once if their run repeats a call that is still executing: ${outcome}`, async () => {
      const responses = await endJobs("a", "b", "c");
      const [a, b] = responses;
      const lost = await fixture.as("job_keeper");
      await lost.query("begin");
      await responsesSent(lost, sendings(a, b));
      const repeated = record(...responses);
      while ((await dispatcher.query("select from pg_locks where not granted")).rowCount === 0);
      await lost.query(outcome);
      await repeated;
      assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
      const recorded = await sql("select numbers from jobs.sendings order by through");
      assert.deepEqual(
        recorded.map(({ numbers }) => numbers.length),
        outcome === "commit" ? [2, 1] : [3],
      );
      await elapse();
      assert.deepEqual(await due(), []);
    });

  it("become due one by one if a later response was sent before them, and are recorded when they are sent", async () => {
    const [a, b, c, d] = await endJobs("a", "b", "c", "d");
    await record(b, d);
    assert.deepEqual(await states(), ["a due", "b m-b", "c due", "d m-d"]);
    assert.deepEqual(await due(), [], "each is reserved for its run for ten seconds");
    await record(c, c && { ...c, id: c.id + 100 });
    assert.deepEqual(await states(), ["a due", "b m-b", "c m-c", "d m-d"]);
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    const [copy] = await dueResponses(dispatcher, 10);
    assert.deepEqual([copy?.requestId, copy?.body], ["a", a?.body]);
    await record(copy);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c", "d m-d"]);
  });

  it("are due after ten seconds without a record, once, while their run continues", async () => {
    const [, b] = await endJobs("a", "b");
    assert.deepEqual(await due(), [], "their run sends them first");
    await elapse();
    const [copy, ...others] = await dueResponses(dispatcher, 1);
    assert.equal(others.length, 0);
    assert.deepEqual(await due(), ["b"]);
    assert.deepEqual(await due(), [], "both are reserved");
    await record(copy);
    await record(b);
    assert.deepEqual(await states(), ["a m-a", "b due"], "the dispatcher, which also sends it, records it");
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    const [again] = await dueResponses(dispatcher, 10);
    await record(again);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
    assert.deepEqual(await due(), []);
  });

  it("are recorded in their rows by a repeat of their record if they were due before it", async () => {
    const [a] = await endJobs("a");
    await elapse();
    assert.deepEqual(await due(), ["a"]);
    await record(a);
    assert.deepEqual(await states(), ["a due"]);
    await record(a);
    assert.deepEqual(await states(), ["a m-a"]);
    assert.equal((await jobColumns("a", "message_id")).message_id, "m-a");
  });

  it("are due in batches, the oldest first", async () => {
    const responses = await endJobs("a", "b", "c", "d", "e");
    await elapse();
    await sql("update jobs.jobs set finished_at = finished_at - interval '1 minute' where request_id in ('d', 'e')");
    const batch = async () => (await dueResponses(dispatcher, 2)).map(({ requestId }) => requestId).sort();
    assert.deepEqual(await batch(), ["d", "e"]);
    assert.equal((await sql("select from jobs.jobs where due_at is not null")).length, 2);
    assert.deepEqual(
      [await batch(), await batch(), await batch()].map((ids) => ids.length),
      [2, 1, 0],
    );
    await record(...responses);
    assert.deepEqual(
      await states(),
      ["a due", "b due", "c due", "d due", "e due"],
      "the dispatcher records what it sends",
    );
  });

  it("are due at once by their ids, for a runner that does not know whether its call ended the job", async () => {
    const [a] = await endJobs("a", "b");
    assert.deepEqual(
      (await dueResponses(keeper, 1, [a?.id ?? 0])).map(({ requestId, body }) => [requestId, body]),
      [["a", a?.body]],
    );
    assert.deepEqual(await dueResponses(keeper, 1, [a?.id ?? 0]).then((all) => all.length), 1);
  });

  it("are due at once when their run has ended, and recorded one by one if the run sent them after all", async () => {
    const [a, b, c] = await endJobs("a", "b", "c");
    await record(a);
    await runEnded(dispatcher, run, "stopped");
    await record(c);
    assert.deepEqual(await states(), ["a m-a", "b due", "c m-c"]);
    assert.deepEqual(await due(), ["b"]);
    await record(b);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
  });

  it("are due even if the run had been abandoned before it ended the job", async () => {
    const job = await acceptAndClaim("a");
    await runEnded(dispatcher, run, "stopped");
    await endJob(job);
    assert.deepEqual(await states(), ["a due"]);
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    assert.deepEqual(await due(), ["a"]);
  });

  it("keep their numbers while the run retires", async () => {
    const job = await acceptAndClaim("a");
    await sql("update jobs.runs set state = 'RETIRING'");
    const response = await endJob(job);
    await record(response);
    assert.deepEqual(await states(), ["a m-a"]);
    assert.equal((await jobColumns("a", "message_id")).message_id, null, "recorded by its number");
  });

  it("stay due if a repeat requests them between their sending and its record", async () => {
    const responses = await endJobs("a", "b");
    await accept(dispatcher, [newJob("a")]);
    await record(...responses);
    assert.deepEqual(await states(), ["a due", "b m-b"]);
    const [copy] = await dueResponses(dispatcher, 1, [responses[0]?.id ?? 0]);
    assert(copy);
    await record(copy);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
  });

  it("show no sending while a repeat waits for another sending", async () => {
    await record(...(await endJobs("a")));
    await accept(dispatcher, [newJob("a")]);
    assert.deepEqual((await sql("select document -> 'response' as r from jobs.documents"))[0]?.r, {});
  });

  it("have no number if their reply is none", async () => {
    const job = await acceptAndClaim("a", { reply: "none" });
    await finishAndClaim(keeper, job, success, { run, backend, log: undefined }, []);
    assert.deepEqual(await jobColumns("a", "response_number, due_at"), { response_number: null, due_at: null });
    await elapse();
    assert.deepEqual(await due(), []);
  });

  it("are counted as unsent until they are recorded", async () => {
    const responses = await endJobs("a", "b");
    await elapse();
    const { platform } = await readMetrics(dispatcher, 1);
    assert.equal(platform.unsentResponses, 2);
    assert(platform.oldestUnsent >= 11);
    await record(...responses);
    assert.equal((await readMetrics(dispatcher, 1)).platform.unsentResponses, 0);
  });

  it("are deleted after the retention once they are recorded, with the record", async () => {
    const [a] = await endJobs("a", "b");
    await record(a);
    await sql("update jobs.jobs set finished_at = finished_at - interval '9 days'");
    await sql("update jobs.sendings set sent_at = sent_at - interval '9 days'");
    assert.equal(await expireJobs(dispatcher, 1, 100), 1);
    assert.deepEqual(await states(), ["b due"]);
    assert.deepEqual(await sql("select from jobs.sendings"), []);
  });

  it("do not become due when another run records its own", async () => {
    const [a] = await endJobs("a");
    const other = await startRun("ec2");
    await accept(dispatcher, [newJob("b", { runner: "ec2" })]);
    const job = await claim(keeper, other, backend, undefined);
    assert(job);
    const { response } = await finishAndClaim(keeper, job, success, { run: other, backend, log: undefined }, []);
    assert(response && isDue(response));
    await record(response);
    assert.deepEqual(await states(), ["a due", "b m-b"]);
    assert.equal((await jobColumns("a", "due_at")).due_at, null, "its run is about to record it");
    await record(a);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
  });
});
