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
} from "./jobs.ts";
import { expireJobs, runEnded } from "./runs.ts";

const ok = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 2, peakMemoryBytes: 3 } as const;

describe("the responses of a run that continues", () => {
  let { dispatcher, keeper, run } = {} as TransitionClients;
  const { sql, taken, of, aRun } = transitionStore((clients) => {
    ({ dispatcher, keeper, run } = clients);
  });
  beforeEach(() => sql("delete from jobs.sendings"));

  const end = async (job: ClaimedJob): Promise<DueResponse> => {
    const { response } = await finishAndClaim(keeper, job, ok, { run, backend, log: undefined }, []);
    assert(response && isDue(response));
    return response;
  };
  const ended = async (...requestIds: string[]): Promise<DueResponse[]> => {
    const responses: DueResponse[] = [];
    for (const id of requestIds) responses.push(await end(await taken(id)));
    return responses;
  };
  const record = (...sent: (DueResponse | undefined)[]) =>
    responsesSent(
      keeper,
      sent.flatMap((one) => (one ? [{ id: one.id, version: one.version, messageId: `m-${one.requestId}` }] : [])),
    );
  const states = async () =>
    (
      await sql(
        `select request_id, case when due_at is not null then 'due' when sent_at is null then 'unsent' else message_id end as state
         from jobs.responses order by id`,
      )
    ).map(({ request_id, state }) => `${request_id} ${state}`);
  /** Lets 11 seconds pass for all ended jobs. */
  const wait = () => sql("update jobs.jobs set finished_at = finished_at - interval '11 seconds'");
  const due = async () => (await dueResponses(dispatcher, 10)).map(({ requestId }) => requestId);

  it("are recorded together, without a new version of their jobs' rows", async () => {
    const responses = await ended("a", "b", "c");
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
    await wait();
    assert.deepEqual(await due(), []);
  });

  it("are recorded by several calls, each for the responses since the last one", async () => {
    const [a, b, c] = await ended("a", "b", "c");
    await record(a);
    await record(a);
    assert.deepEqual(await states(), ["a m-a", "b due", "c due"]);
    await record(c, b);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
  });

  it("become due one by one if a later one was sent before them, and are recorded when they are sent", async () => {
    const [a, b, c, d] = await ended("a", "b", "c", "d");
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
    const [, b] = await ended("a", "b");
    assert.deepEqual(await due(), [], "their run sends them first");
    await wait();
    const [copy, ...others] = await dueResponses(dispatcher, 1);
    assert.equal(others.length, 0);
    assert.deepEqual(await due(), ["b"]);
    assert.deepEqual(await due(), [], "both are reserved");
    await record(copy);
    await record(b);
    assert.deepEqual(await states(), ["a m-a", "b due"], "the sweep, which sends it too, records it");
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    const [again] = await dueResponses(dispatcher, 10);
    await record(again);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
    assert.deepEqual(await due(), []);
  });

  it("are due at once by their ids, for a runner that does not know whether its call ended the job", async () => {
    const [a] = await ended("a", "b");
    assert.deepEqual(
      (await dueResponses(keeper, 1, [a?.id ?? 0])).map(({ requestId, body }) => [requestId, body]),
      [["a", a?.body]],
    );
    assert.deepEqual(await dueResponses(keeper, 1, [a?.id ?? 0]).then((all) => all.length), 1);
  });

  it("are due at once when their run has ended, and recorded one by one if it sent them after all", async () => {
    const [a, b, c] = await ended("a", "b", "c");
    await record(a);
    await runEnded(dispatcher, run, "stopped");
    await record(c);
    assert.deepEqual(await states(), ["a m-a", "b due", "c m-c"]);
    assert.deepEqual(await due(), ["b"]);
    await record(b);
    assert.deepEqual(await states(), ["a m-a", "b m-b", "c m-c"]);
  });

  it("are due even if the run had been abandoned before it ended the job", async () => {
    const job = await taken("a");
    await runEnded(dispatcher, run, "stopped");
    await end(job);
    assert.deepEqual(await states(), ["a due"]);
    await sql("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    assert.deepEqual(await due(), ["a"]);
  });

  it("keep their numbers while the run retires", async () => {
    const job = await taken("a");
    await sql("update jobs.runs set state = 'RETIRING'");
    const response = await end(job);
    await record(response);
    assert.deepEqual(await states(), ["a m-a"]);
    assert.equal((await of("a", "message_id")).message_id, null, "recorded by its number");
  });

  it("stay due if a repeat asks for them between their sending and its record", async () => {
    const responses = await ended("a", "b");
    await accept(dispatcher, [newJob("a")]);
    await record(...responses);
    assert.deepEqual(await states(), ["a due", "b m-b"]);
    const [copy] = await dueResponses(dispatcher, 1, [responses[0]?.id ?? 0]);
    assert(copy);
    await record(copy);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
  });

  it("show no sending while a repeat waits for another one", async () => {
    await record(...(await ended("a")));
    await accept(dispatcher, [newJob("a")]);
    assert.deepEqual((await sql("select document -> 'response' as r from jobs.documents"))[0]?.r, {});
  });

  it("have no number if none is requested on the queue", async () => {
    const job = await taken("a", { reply: "none" });
    await finishAndClaim(keeper, job, ok, { run, backend, log: undefined }, []);
    assert.deepEqual(await of("a", "response_number, due_at"), { response_number: null, due_at: null });
    await wait();
    assert.deepEqual(await due(), []);
  });

  it("are counted as unsent until they are recorded", async () => {
    const responses = await ended("a", "b");
    await wait();
    const { platform } = await readMetrics(dispatcher, 1);
    assert.equal(platform.unsentResponses, 2);
    assert(platform.oldestUnsent >= 11);
    await record(...responses);
    assert.equal((await readMetrics(dispatcher, 1)).platform.unsentResponses, 0);
  });

  it("are deleted after the retention once they are recorded, with the record", async () => {
    const [a] = await ended("a", "b");
    await record(a);
    await sql("update jobs.jobs set finished_at = finished_at - interval '9 days'");
    await sql("update jobs.sendings set sent_at = sent_at - interval '9 days'");
    assert.equal(await expireJobs(dispatcher, 1, 100), 1);
    assert.deepEqual(await states(), ["b due"]);
    assert.deepEqual(await sql("select from jobs.sendings"), []);
  });

  it("of another run do not become due with those of the run that records its own", async () => {
    const [a] = await ended("a");
    const other = await aRun("ec2");
    await accept(dispatcher, [newJob("b", { runner: "ec2" })]);
    const job = await claim(keeper, other, backend, undefined);
    assert(job);
    const { response } = await finishAndClaim(keeper, job, ok, { run: other, backend, log: undefined }, []);
    assert(response && isDue(response));
    await record(response);
    assert.deepEqual(await states(), ["a due", "b m-b"]);
    assert.equal((await of("a", "due_at")).due_at, null, "its run is about to record it");
    await record(a);
    assert.deepEqual(await states(), ["a m-a", "b m-b"]);
  });
});
