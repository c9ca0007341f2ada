import assert from "node:assert/strict";
import { mock } from "node:test";
import type { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import type { Queues } from "../requests/responses.ts";
import type { ClaimedJob, Database, DueResponse } from "../store/jobs.ts";
import { ResponseSender } from "./responseSender.ts";

const QUEUES = { responses: "shared", tenants: { acme: "acmes" } } as unknown as Queues;
/** Longer than any test, so that nothing is sent because of a timer. */
const NEVER = 3_600_000;

/** A sender whose queue and database only record calls, and the recorded calls. */
function sender(gatherMs = NEVER, refuse: (body: string) => boolean = () => false) {
  const calls: { queue: string; bodies: string[] }[] = [];
  const recorded: number[][] = [];
  const sqs = {
    async send({ input: { QueueUrl = "", Entries = [] } }: SendMessageBatchCommand) {
      calls.push({ queue: QueueUrl, bodies: Entries.map(({ MessageBody = "" }) => MessageBody) });
      const refused = Entries.filter(({ MessageBody = "" }) => refuse(MessageBody));
      const taken = Entries.filter((one) => !refused.includes(one));
      return {
        Successful: taken.map(({ Id }) => ({ Id, MessageId: `m-${Id}` })),
        Failed: refused.map(({ Id }) => ({ Id, Code: "InvalidMessageContents" })),
      };
    },
  } as unknown as SQSClient;
  const db = {
    async query(statement: string | { values: unknown[] }) {
      if (typeof statement !== "string") recorded.push(statement.values[0] as number[]);
      return { rows: [] };
    },
  } as Database;
  const made = new ResponseSender({ sqs, queues: QUEUES, db, log: pino({ level: "silent" }), gatherMs });
  return { sender: made, calls, recorded };
}

const job = { id: 1, attempt: 1 } as ClaimedJob;
const response = (id: number, more: Partial<DueResponse> = {}): DueResponse => ({
  id,
  responseId: `r-${id}`,
  tenant: "default",
  requestId: `q-${id}`,
  status: "SUCCEEDED",
  version: 3,
  body: `body ${id}`,
  ...more,
});

describe("a run's responses", () => {
  afterEach(() => mock.restoreAll());

  it("are sent at once while the run is idle, and recorded before it ends", async () => {
    const { sender: one, calls, recorded } = sender();
    one.add(job, response(1));
    await one.close();
    assert.deepEqual([calls, recorded], [[{ queue: "shared", bodies: ["body 1"] }], [[1]]]);
  });

  it("are sent in calls of up to ten responses per queue while the next job runs", async () => {
    const { sender: one, calls } = sender();
    one.markBusy();
    for (let id = 1; id <= 11; id++) one.add(job, response(id, id === 3 ? { tenant: "acme" } : {}));
    assert.deepEqual(
      calls.map(({ queue, bodies }) => [queue, bodies.length]),
      [
        ["shared", 9],
        ["acmes", 1],
      ],
    );
    await one.close();
    assert.deepEqual(calls.at(-1), { queue: "shared", bodies: ["body 11"] });
  });

  it("never exceed SQS's maximum size of a call", async () => {
    const { sender: one, calls } = sender();
    one.markBusy();
    for (let id = 1; id <= 3; id++) one.add(job, response(id, { body: "x".repeat(600_000) }));
    await one.close();
    assert.deepEqual(
      calls.map(({ bodies }) => bodies.length),
      [1, 1, 1],
    );
  });

  it("are recorded by the call that ends a job a second later, each once", async () => {
    const now = mock.method(performance, "now", () => 5_000);
    const { sender: one, calls, recorded } = sender(0);
    one.markBusy();
    one.add(job, response(1));
    // The stand-in answers within the same turn of the event loop.
    await new Promise(setImmediate);
    assert.deepEqual([calls.length, one.takeUnrecorded()], [1, []]);
    now.mock.mockImplementation(() => 6_000);
    assert.deepEqual(
      [one.takeUnrecorded(), one.takeUnrecorded(), recorded],
      [[{ id: 1, version: 3, messageId: "m-0" }], [], []],
    );
    await one.close();
    assert.deepEqual(recorded, []);
  });

  it("are recorded together by the call that ends a job, at the latest when they are fifty", async () => {
    mock.method(performance, "now", () => 5_000);
    const { sender: one } = sender(0);
    one.markBusy();
    for (let id = 1; id < 50; id++) one.add(job, response(id));
    await new Promise(setImmediate);
    assert.deepEqual(one.takeUnrecorded(), []);
    one.add(job, response(50));
    await new Promise(setImmediate);
    assert.equal(one.takeUnrecorded().length, 50);
  });

  it("are recorded at once by the next claim of an idle run", async () => {
    const { sender: one } = sender(0);
    one.add(job, response(1));
    await new Promise(setImmediate);
    assert.equal(one.takeUnrecorded().length, 1);
    await one.close();
  });

  it("are recorded later if the call that ends the next job could not record them", async () => {
    const { sender: one, recorded } = sender(0);
    one.markBusy();
    one.add(job, response(1));
    await new Promise(setImmediate);
    one.markIdle();
    one.returnUnrecorded(one.takeUnrecorded());
    await one.close();
    assert.deepEqual(recorded, [[1]]);
  });

  it("stay due if the queue refuses them, while the others of their call are recorded", async () => {
    const { sender: one, recorded } = sender(NEVER, (body) => body === "body 2");
    one.markBusy();
    for (const id of [1, 2, 3]) one.add(job, response(id));
    await one.close();
    assert.deepEqual(recorded, [[1, 3]]);
  });
});
