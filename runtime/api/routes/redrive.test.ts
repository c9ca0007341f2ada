import assert from "node:assert/strict";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { testApi } from "../../testing/api/api.ts";

describe("POST /redrive and GET /dead-letters", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  beforeEach(async () => {
    p = await testApi();
  });
  afterEach(() => p.close());

  const sendDeadLetter = (body: string, errorType?: string) =>
    p.context.sqs.send(
      new SendMessageCommand({
        QueueUrl: p.context.queues.deadLetters,
        MessageBody: body,
        ...(errorType ? { MessageAttributes: { errorType: { DataType: "String", StringValue: errorType } } } : {}),
      }),
    );
  const redrive = async (payload: object, ...scopes: ("admin" | "submit")[]) =>
    p.app.inject({ method: "POST", url: "/redrive", payload, headers: await p.as("ops", ...scopes) });
  const bodies = async (queue: string) => (await p.receive(queue)).map(({ Body }) => Body).sort();

  it("requeues messages of retryable error types, and leaves the others visible in the dead-letter queue", async () => {
    await sendDeadLetter('{"requestId":"a"}');
    await sendDeadLetter("{torn", "UnreadableMessage");
    await sendDeadLetter('{"requestId":"b"}', "DatabaseUnavailable");
    const response = await redrive({}, "admin");
    const { redriven, kept, looked, total } = response.json();
    assert.deepEqual(
      [redriven, kept, looked, total],
      [{ ReceivedTooOften: 1, DatabaseUnavailable: 1 }, { UnreadableMessage: 1 }, 3, 3],
    );
    assert.deepEqual(await bodies(p.context.queues.requests), ['{"requestId":"a"}', '{"requestId":"b"}']);
    assert.deepEqual(await bodies(p.context.queues.deadLetters), ["{torn"]);
  });

  it("requeues only the given error types", async () => {
    await sendDeadLetter("one");
    await sendDeadLetter("{repaired", "UnreadableMessage");
    await redrive({ types: ["UnreadableMessage"] }, "admin");
    assert.deepEqual(await bodies(p.context.queues.requests), ["{repaired"]);
    assert.deepEqual(await bodies(p.context.queues.deadLetters), ["one"]);
  });

  it("only counts in a dry run, and reads all messages", async () => {
    await Promise.all(Array.from({ length: 25 }, (_, index) => sendDeadLetter(`m${index}`)));
    const { redriven, kept } = (await redrive({ dryRun: true }, "admin")).json();
    assert.deepEqual([redriven, kept], [{ ReceivedTooOften: 25 }, {}]);
    assert.equal((await bodies(p.context.queues.deadLetters)).length, 25);
    assert.deepEqual(await bodies(p.context.queues.requests), []);
  });

  it("reads no more messages than its limit", async () => {
    await Promise.all(Array.from({ length: 5 }, (_, index) => sendDeadLetter(`m${index}`)));
    const { redriven, kept, looked, total } = (await redrive({ limit: 3 }, "admin")).json();
    assert.deepEqual([redriven, kept, looked, total], [{ ReceivedTooOften: 3 }, {}, 3, 5]);
  });

  it("lists messages with reason and times, removes secrets from URLs, and keeps the messages visible", async () => {
    const url = "https://user:secret@example.org/x";
    await p.context.sqs.send(
      new SendMessageCommand({
        QueueUrl: p.context.queues.deadLetters,
        MessageBody: `{torn ${url}`,
        MessageAttributes: {
          errorType: { DataType: "String", StringValue: "UnreadableMessage" },
          reason: { DataType: "String", StringValue: "it is not JSON" },
        },
      }),
    );
    await sendDeadLetter(`{"requestId":"b"} ${"x".repeat(9_000)}`);
    const headers = await p.as("ops", "admin");
    const list = async (search = "") => (await p.app.inject({ url: `/dead-letters${search}`, headers })).json().letters;
    for (let receives = 1; receives <= 2; receives++) {
      const letters = await list();
      const torn = letters.find(({ type }: { type: string }) => type === "UnreadableMessage");
      assert.deepEqual([torn.reason, torn.redrivable, torn.receives], ["it is not JSON", false, receives]);
      assert.doesNotMatch(JSON.stringify(letters), /secret/);
      assert(Date.parse(torn.sentAt) <= Date.parse(torn.firstReceivedAt));
      const long = letters.find(({ type }: { type: string }) => type === "ReceivedTooOften");
      assert(long.redrivable && long.body.length <= 4_001 && long.bodyLength > 9_000 && long.reason === undefined);
    }
    assert.equal((await list("?type=UnreadableMessage")).length, 1);
    assert.equal((await list("?text=NOT+json")).length, 1);
    assert.equal((await list("?text=nothing")).length, 0);
    assert.equal((await p.app.inject({ url: "/dead-letters", headers: await p.as("ops", "read") })).statusCode, 403);
    assert.equal((await bodies(p.context.queues.deadLetters)).length, 2);
  });

  it("counts by cause in a dry run, and reports which messages would fail again and why", async () => {
    const task = { type: "read", sql: "select 1 as n", format: "json" };
    await sendDeadLetter(JSON.stringify({ requestId: "fine", task }));
    await sendDeadLetter(JSON.stringify({ requestId: "bad", priority: 11, task }));
    await sendDeadLetter("{torn", "UnreadableMessage");
    await sendDeadLetter(JSON.stringify({ requestId: "repaired", task }), "UnreadableMessage");
    const { causes } = (await redrive({ dryRun: true }, "admin")).json();
    const summaries = causes.map(({ type, count, redrivable, failsAgain, reasons }: Record<string, unknown>) => {
      return [type, count, redrivable, failsAgain, (reasons as { reason: string }[])[0]?.reason];
    });
    assert.deepEqual(summaries.sort(), [
      ["ReceivedTooOften", 2, true, 1, "priority must be at most 9."],
      ["UnreadableMessage", 2, false, 1, summaries[1][4]],
    ]);
    assert.match(summaries[1][4], /is not a request.*JSON/);
    for (const { firstSeenAt, lastSeenAt, receives } of causes) {
      assert(Date.parse(firstSeenAt) <= Date.parse(lastSeenAt));
      assert.equal(receives, 1);
    }
    const { letters, total } = (
      await p.app.inject({ url: "/dead-letters", headers: await p.as("ops", "admin") })
    ).json();
    assert.equal(total, 4);
    const failing = letters.filter(({ failsAgain }: { failsAgain?: object }) => failsAgain !== undefined);
    assert.deepEqual(
      failing.map(({ failsAgain }: { failsAgain: { outcome: string; type: string } }) => failsAgain.outcome).sort(),
      ["deadLetter", "rejected"],
    );
  });

  it("requeues single dead letters of any error type", async () => {
    await sendDeadLetter("one", "UnreadableMessage");
    await sendDeadLetter("two", "UnreadableMessage");
    const { letters } = (await p.app.inject({ url: "/dead-letters", headers: await p.as("ops", "admin") })).json();
    const { messageId } = letters.find(({ body }: { body: string }) => body === "two");
    const { redriven, kept } = (await redrive({ messageIds: [messageId] }, "admin")).json();
    assert.deepEqual([redriven, kept], [{ UnreadableMessage: 1 }, { UnreadableMessage: 1 }]);
    assert.deepEqual(await bodies(p.context.queues.requests), ["two"]);
  });

  it("requires an admin, and reports an unknown error type", async () => {
    assert.equal((await redrive({}, "submit")).statusCode, 403);
    const refused = await redrive({ types: ["Unreadable"] }, "admin");
    assert.equal(refused.statusCode, 400);
    assert.match(refused.body, /types\.0/);
  });
});
