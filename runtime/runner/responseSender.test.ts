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

/**
 * Creates a sender with a fake queue and database that record calls. The first `failures` database calls fail, with a
 * deadlock unless `code` says otherwise.
 */
function createSender(
  gatherMs = NEVER,
  refuse: (body: string) => boolean = () => false,
  failures = 0,
  code = DEADLOCK.code,
) {
  const calls: { queue: string; bodies: string[] }[] = [];
  const recorded: number[][] = [];
  const sqs = {
    async send({ input: { QueueUrl = "", Entries = [] } }: SendMessageBatchCommand) {
      calls.push({ queue: QueueUrl, bodies: Entries.map(({ MessageBody = "" }) => MessageBody) });
      const refused = Entries.filter(({ MessageBody = "" }) => refuse(MessageBody));
      const taken = Entries.filter((entry) => !refused.includes(entry));
      return {
        Successful: taken.map(({ Id }) => ({ Id, MessageId: `m-${Id}` })),
        Failed: refused.map(({ Id }) => ({ Id, Code: "InvalidMessageContents" })),
      };
    },
  } as unknown as SQSClient;
  const db = {
    async query(statement: string | { values: unknown[] }) {
      if (typeof statement !== "string") recorded.push(statement.values[0] as number[]);
      if (recorded.length <= failures) throw Object.assign(new Error("the record failed"), { code });
      return { rows: [] };
    },
  } as Database;
  const sender = new ResponseSender({ sqs, queues: QUEUES, db, log: pino({ level: "silent" }), gatherMs });
  return { sender, calls, recorded };
}

const DEADLOCK = Object.assign(new Error("deadlock detected"), { code: "40P01" });
/** Records sent responses with another call, which succeeds. */
const recordWith = (sender: ResponseSender) => sender.recordWith(async (sent) => sent);
/** Waits for the fakes to respond, which they do within one turn of the event loop. */
const fakesResponded = () => new Promise(setImmediate);
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
  let now = 0;
  beforeEach(() => mock.method(performance, "now", () => now));
  afterEach(() => mock.restoreAll());
  /** Lets enough time pass that the next finish or claim records sent responses. */
  const passSecond = () => {
    now += 1_000;
  };

  it("are sent at once while the run is idle, and recorded before it ends", async () => {
    const { sender, calls, recorded } = createSender();
    sender.add(job, response(1));
    await sender.close();
    assert.deepEqual([calls, recorded], [[{ queue: "shared", bodies: ["body 1"] }], [[1]]]);
  });

  it("are sent in calls of up to ten responses per queue while the next job runs", async () => {
    const { sender, calls } = createSender();
    sender.markBusy();
    for (let id = 1; id <= 11; id++) sender.add(job, response(id, id === 3 ? { tenant: "acme" } : {}));
    assert.deepEqual(
      calls.map(({ queue, bodies }) => [queue, bodies.length]),
      [
        ["shared", 9],
        ["acmes", 1],
      ],
    );
    await sender.close();
    assert.deepEqual(calls.at(-1), { queue: "shared", bodies: ["body 11"] });
  });

  it("are sent in several calls if together they exceed SQS's maximum size of a call", async () => {
    const { sender, calls } = createSender();
    sender.markBusy();
    for (let id = 1; id <= 3; id++) sender.add(job, response(id, { body: "x".repeat(600_000) }));
    await sender.close();
    assert.deepEqual(
      calls.map(({ bodies }) => bodies.length),
      [1, 1, 1],
    );
  });

  it("are recorded, each once, by the call that ends a job a second later", async () => {
    const { sender, calls, recorded } = createSender(0);
    sender.markBusy();
    sender.add(job, response(1));
    await fakesResponded();
    assert.deepEqual([calls.length, await recordWith(sender)], [1, []]);
    passSecond();
    assert.deepEqual(
      [await recordWith(sender), await recordWith(sender), recorded],
      [[{ id: 1, version: 3, messageId: "m-0" }], [], []],
    );
    await sender.close();
    assert.deepEqual(recorded, []);
  });

  it("are recorded together by the call that ends a job, at the latest when there are fifty", async () => {
    const { sender } = createSender(0);
    sender.markBusy();
    for (let id = 1; id < 50; id++) sender.add(job, response(id));
    await fakesResponded();
    assert.deepEqual(await recordWith(sender), []);
    sender.add(job, response(50));
    await fakesResponded();
    assert.equal((await recordWith(sender)).length, 50);
  });

  it("are not passed to the second call if the call that ends a job fails, perhaps because of them", async () => {
    const { sender } = createSender(0);
    sender.add(job, response(1));
    await fakesResponded();
    passSecond();
    const calls: number[] = [];
    const ended = await sender.recordWith(async (sent) => {
      calls.push(sent.length);
      if (sent.length > 0) throw DEADLOCK;
      return "ended";
    });
    assert.deepEqual([ended, calls], ["ended", [1, 0]]);
    await sender.close();
  });

  it("do not lead to a second call that ends the job if the connection is lost", async () => {
    const { sender } = createSender(0);
    sender.add(job, response(1));
    await fakesResponded();
    passSecond();
    const call = mock.fn(async () => Promise.reject(new Error("Connection terminated")));
    await assert.rejects(sender.recordWith(call), /terminated/);
    assert.equal(call.mock.callCount(), 1);
    await sender.close();
  });

  describe("of a run that is idle between its jobs", () => {
    beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
    afterEach(() => mock.timers.reset());

    it("are recorded by a separate call if no job follows, and not by a claim that follows within a second", async () => {
      const { sender, recorded } = createSender(0);
      sender.add(job, response(1));
      await fakesResponded();
      assert.deepEqual([await recordWith(sender), recorded], [[], []]);
      mock.timers.tick(100);
      await fakesResponded();
      assert.deepEqual(recorded, [[1]]);
      await sender.close();
    });

    it("are recorded by a separate call while the next job runs, but only if that job takes a second", async () => {
      const { sender, recorded } = createSender(0);
      sender.add(job, response(1));
      await fakesResponded();
      sender.markIdle();
      mock.timers.tick(50);
      assert.deepEqual(await recordWith(sender), []);
      sender.markBusy();
      mock.timers.tick(900);
      await fakesResponded();
      assert.deepEqual(recorded, []);
      mock.timers.tick(100);
      await fakesResponded();
      assert.deepEqual(recorded, [[1]]);
      await sender.close();
    });
  });

  describe("after a failed call", () => {
    beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
    afterEach(() => mock.timers.reset());

    const tick = async (milliseconds: number) => {
      mock.timers.tick(milliseconds);
      await fakesResponded();
    };
    const send = async (sender: ResponseSender, id: number) => {
      sender.add(job, response(id));
      await fakesResponded();
    };

    it("are recorded by a separate call, with later ones, before other calls record responses again", async () => {
      const { sender, recorded } = createSender(0);
      await send(sender, 1);
      sender.markBusy();
      passSecond();
      await assert.rejects(
        sender.recordWith(async () => Promise.reject(DEADLOCK)),
        /deadlock/,
      );
      sender.markIdle();
      await tick(600);
      await send(sender, 2);
      assert.deepEqual([await recordWith(sender), recorded], [[], []]);
      await tick(400);
      assert.deepEqual(recorded, [[1, 2]]);
      await send(sender, 3);
      passSecond();
      assert.deepEqual(
        (await recordWith(sender)).map(({ id }) => id),
        [3],
      );
      await sender.close();
      assert.equal(recorded.length, 1);
    });

    it("are recorded by further separate calls, after pauses that double up to five seconds", async () => {
      const { sender, recorded } = createSender(0, undefined, 5);
      sender.markBusy();
      await send(sender, 1);
      const times: number[] = [];
      for (let time = 1_000; recorded.length < 6; time += 1_000) {
        const before = recorded.length;
        await tick(1_000);
        if (recorded.length > before) times.push(time);
      }
      assert.deepEqual(times, [1_000, 2_000, 4_000, 8_000, 13_000, 18_000]);
      await sender.close();
      assert.equal(recorded.length, 6);
    });

    it("are left to the dispatcher if the reason was neither a conflict nor an outage", async () => {
      const { sender, recorded } = createSender(0, undefined, 1, "42501");
      await send(sender, 1);
      await tick(100);
      assert.deepEqual(recorded, [[1]], "this call fails");
      await tick(60_000);
      assert.deepEqual(recorded, [[1]]);
      await send(sender, 2);
      assert.deepEqual(await recordWith(sender), [], "the reason may still exist");
      await tick(200);
      assert.deepEqual(recorded, [[1], [2]]);
      await send(sender, 3);
      passSecond();
      assert.equal((await recordWith(sender)).length, 1);
      await sender.close();
      assert.equal(recorded.length, 2);
    });
  });

  it("are recorded before the run ends even if calls fail because of a conflict", async () => {
    const { sender, recorded } = createSender(NEVER, undefined, 2);
    sender.add(job, response(1));
    await sender.close();
    assert.deepEqual(recorded, [[1], [1], [1]]);
  });

  it("stay due if the queue refuses them, while other responses of the same call are recorded", async () => {
    const { sender, recorded } = createSender(NEVER, (body) => body === "body 2");
    sender.markBusy();
    for (const id of [1, 2, 3]) sender.add(job, response(id));
    await sender.close();
    assert.deepEqual(recorded, [[1, 3]]);
  });
});
