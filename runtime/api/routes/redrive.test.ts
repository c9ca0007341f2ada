import assert from "node:assert/strict";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { testApi } from "../../testing/api/api.ts";

describe("POST /redrive", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  beforeEach(async () => {
    p = await testApi();
  });
  afterEach(() => p.close());

  const bury = (body: string, errorType?: string) =>
    p.context.sqs.send(
      new SendMessageCommand({
        QueueUrl: p.context.queues.deadLetters,
        MessageBody: body,
        ...(errorType ? { MessageAttributes: { errorType: { DataType: "String", StringValue: errorType } } } : {}),
      }),
    );
  const ask = async (payload: object, ...scopes: ("admin" | "submit")[]) =>
    p.app.inject({ method: "POST", url: "/redrive", payload, headers: await p.as("ops", ...scopes) });
  const bodies = async (queue: string) => (await p.receive(queue)).map(({ Body }) => Body).sort();

  it("puts back what nobody could take in, and leaves what would fail again, in sight of others", async () => {
    await bury('{"requestId":"a"}');
    await bury("{torn", "UnreadableMessage");
    await bury('{"requestId":"b"}', "DatabaseUnavailable");
    const response = await ask({}, "admin");
    assert.deepEqual(response.json(), {
      redriven: { ReceivedTooOften: 1, DatabaseUnavailable: 1 },
      kept: { UnreadableMessage: 1 },
    });
    assert.deepEqual(await bodies(p.context.queues.requests), ['{"requestId":"a"}', '{"requestId":"b"}']);
    assert.deepEqual(await bodies(p.context.queues.deadLetters), ["{torn"]);
  });

  it("puts back the classes that are named, and no others", async () => {
    await bury("one");
    await bury("{mended", "UnreadableMessage");
    await ask({ types: ["UnreadableMessage"] }, "admin");
    assert.deepEqual(await bodies(p.context.queues.requests), ["{mended"]);
    assert.deepEqual(await bodies(p.context.queues.deadLetters), ["one"]);
  });

  it("only counts in a dry run, and all messages however many", async () => {
    await Promise.all(Array.from({ length: 25 }, (_, index) => bury(`m${index}`)));
    assert.deepEqual((await ask({ dryRun: true }, "admin")).json(), { redriven: { ReceivedTooOften: 25 }, kept: {} });
    assert.equal((await bodies(p.context.queues.deadLetters)).length, 25);
    assert.deepEqual(await bodies(p.context.queues.requests), []);
  });

  it("looks at no more than it was asked to", async () => {
    await Promise.all(Array.from({ length: 5 }, (_, index) => bury(`m${index}`)));
    assert.deepEqual((await ask({ limit: 3 }, "admin")).json(), { redriven: { ReceivedTooOften: 3 }, kept: {} });
  });

  it("takes an admin, and names a class that there is none of", async () => {
    assert.equal((await ask({}, "submit")).statusCode, 403);
    const refused = await ask({ types: ["Unreadable"] }, "admin");
    assert.equal(refused.statusCode, 400);
    assert.match(refused.body, /types\.0/);
  });
});
