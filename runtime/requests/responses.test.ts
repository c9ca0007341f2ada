import assert from "node:assert/strict";
import { mock } from "node:test";
import type { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Database, DueResponse } from "../store/jobs.ts";
import { deliverResponses, type Queues } from "./responses.ts";

const QUEUES = { responses: "shared", tenants: {} } as unknown as Queues;
const RESPONSE: DueResponse = {
  id: 1,
  responseId: "r-1",
  tenant: "default",
  requestId: "q-1",
  status: "SUCCEEDED",
  version: 3,
  body: "{}",
};

describe("delivering responses", () => {
  let calls = { sent: 0, recorded: 0 };
  let now = 0;
  beforeEach(() => mock.method(performance, "now", () => now));
  afterEach(() => mock.restoreAll());

  /** Delivers a response. Each error fails one call that records the response, after `afterSeconds`. */
  const deliver = async (...errors: { code?: string; message?: string; afterSeconds?: number }[]) => {
    calls = { sent: 0, recorded: 0 };
    now = 0;
    const sqs = {
      async send({ input: { Entries = [] } }: SendMessageBatchCommand) {
        calls.sent++;
        return { Successful: Entries.map(({ Id }) => ({ Id, MessageId: "m" })) };
      },
    } as unknown as SQSClient;
    const db = {
      async query() {
        const error = errors[calls.recorded++];
        now += (error?.afterSeconds ?? 0) * 1000;
        if (error) throw Object.assign(new Error(), error);
        return { rows: [] };
      },
    } as Database;
    const failed = await deliverResponses(sqs, QUEUES, db, [RESPONSE]);
    return { ...calls, failed: failed.length };
  };

  it("records again after a conflict or a lost connection, without sending again", async () => {
    const outcome = await deliver({ code: "40P01" }, { message: "Connection terminated unexpectedly" });
    assert.deepEqual(outcome, { sent: 1, recorded: 3, failed: 0 });
  });

  it("rejects if recording fails for another reason, or three times", async () => {
    await assert.rejects(deliver({ code: "42501" }), { code: "42501" });
    await assert.rejects(deliver({ code: "40001" }, { code: "40001" }, { code: "40P01" }), { code: "40P01" });
  });

  it("does not record again after a statement timeout", async () => {
    await assert.rejects(deliver({ code: "57014" }), { code: "57014" });
    assert.equal(calls.recorded, 1);
  });

  it("does not record again after five seconds", async () => {
    const message = "timeout exceeded when trying to connect";
    await assert.rejects(deliver({ message, afterSeconds: 10 }), { message });
    assert.equal(calls.recorded, 1);
    const conflict = { code: "40P01", afterSeconds: 3 };
    await assert.rejects(deliver(conflict, conflict, conflict), { code: "40P01" });
    assert.equal(calls.recorded, 2);
  });
});
