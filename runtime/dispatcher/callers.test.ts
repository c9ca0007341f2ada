import assert from "node:assert/strict";
import type { SQSEvent } from "aws-lambda";
import { redrive } from "../requests/deadLetters.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

const read = { type: "read", query: "price_export" };
const update = { type: "update", statement: "purge_prices", params: { before: "2000-01-01" } };

describe("senders on the request queue", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher({
      callers: [
        { senderId: "AROAORDERS", tenants: ["default"], scopes: ["read"] },
        { senderId: "AIDABILLING", tenants: ["acme"], scopes: ["read", "update"] },
      ],
      platformSenders: ["AROAAPI"],
    });
  });
  afterEach(() => d.close());

  /** Creates an event of messages by one sender. */
  const from = (SenderId: string, ...bodies: unknown[]): SQSEvent => ({
    Records: sqsEvent(...bodies).Records.map((record) => ({
      ...record,
      attributes: { ...record.attributes, SenderId },
    })),
  });
  const jobs = async () => (await d.admin.query("select tenant, request_id from jobs.jobs order by 1, 2")).rows;
  const deadLetters = () => d.receive(d.context.queues.deadLetters);
  const responses = async (queue = "") =>
    (await d.receive(queue)).map((message) => JSON.parse(message.Body ?? "{}").error?.type);

  it("are accepted as the setting callers allows, in any session of a role", async () => {
    await handleRequests(d.context, from("AROAORDERS:task-1", { requestId: "a", task: read }));
    await handleRequests(d.context, from("AIDABILLING", { requestId: "b", tenant: "acme", task: update }));
    assert.deepEqual(await jobs(), [
      { tenant: "acme", request_id: "b" },
      { tenant: "default", request_id: "a" },
    ]);
  });

  for (const [origin, sender] of Object.entries({
    "a caller of another tenant": "AROAORDERS:task-1",
    "an unknown sender": "AROASTRANGER:x",
    "a sender whose id only begins with a caller's id": "AIDABILLING2",
    "a sender whose session name is a caller's id": "AROASTRANGER:AIDABILLING",
    "a message without a sender": "",
  }))
    it(`are refused without a response on the tenant's queue, from ${origin}`, async () => {
      const { acme } = d.context.queues.tenants;
      const own = { requestId: "own", tenant: "acme", task: read };
      await handleRequests(d.context, from("AIDABILLING", own));
      const bodies = [
        { requestId: "foreign", tenant: "acme", task: read },
        { requestId: "invalid", tenant: "acme", task: { type: "none" } },
        own,
        '{"requestId":"cut-off","tenant":"acme","task":{"ty',
      ];
      const result = await handleRequests(d.context, from(sender, ...bodies));
      assert.deepEqual(result, { batchItemFailures: [] });
      assert.deepEqual(await jobs(), [{ tenant: "acme", request_id: "own" }]);
      assert.deepEqual(await responses(acme), []);
      const letters = await deadLetters();
      assert.deepEqual(
        letters.map((letter) => letter.MessageAttributes?.errorType?.StringValue),
        Array.from({ length: 4 }, () => "NotAllowed"),
      );
      assert.match(
        String(letters[0]?.MessageAttributes?.reason?.StringValue),
        /may not send requests for tenant 'acme'/,
      );
      const { rows } = await d.admin.query("select from jobs.responses");
      assert.equal(rows.length, 0);
    });

  it("do not block an allowed message of the same batch", async () => {
    const mixed = {
      Records: [
        ...from("AROASTRANGER", { requestId: "a", task: read }).Records,
        ...from("AROAORDERS:1", { requestId: "b", task: read }).Records,
      ],
    };
    assert.deepEqual(await handleRequests(d.context, mixed), { batchItemFailures: [] });
    assert.deepEqual(await jobs(), [{ tenant: "default", request_id: "b" }]);
  });

  it("get the response NotAllowed if they lack the scope update", async () => {
    await handleRequests(d.context, from("AROAORDERS:1", { requestId: "a", task: update }));
    assert.deepEqual(await jobs(), []);
    assert.deepEqual(await responses(d.context.queues.responses), ["NotAllowed"]);
    assert.deepEqual(await deadLetters(), [], "a rejected request is not a dead letter");
  });

  it("are all refused if callers is empty; a sender without its own entry has the entry of *", async () => {
    const message = { requestId: "a", task: read };
    d.context.settings.callers = [];
    await handleRequests(d.context, from("AIDABILLING", message));
    assert.deepEqual(await jobs(), []);
    d.context.settings.callers = [
      { senderId: "AIDABILLING", tenants: ["acme"], scopes: ["read"] },
      { senderId: "*", tenants: ["default"], scopes: ["read"] },
    ];
    await handleRequests(d.context, from("AIDABILLING", message));
    assert.deepEqual(await jobs(), [], "a sender with its own entry does not have that of *");
    await handleRequests(d.context, from("AIDAOTHER", message, { ...message, tenant: "acme" }));
    assert.deepEqual(await jobs(), [{ tenant: "default", request_id: "a" }]);
  });

  it("are checked again when their dead letter is redriven", async () => {
    const message = { requestId: "a", tenant: "acme", task: read };
    await handleRequests(d.context, from("AROAORDERS:1", message));
    await redrive(d.context.sqs, d.context.queues, d.context.settings, {
      types: ["NotAllowed"],
      dryRun: false,
      limit: 10,
    });
    const [redriven] = await d.receive(d.context.queues.requests);
    const sender = redriven?.MessageAttributes?.senderId?.StringValue ?? "";
    assert.equal(sender, "AROAORDERS:1");
    const again = from("AROAAPI:task", message);
    for (const record of again.Records)
      record.messageAttributes = {
        senderId: { stringValue: sender, dataType: "String", stringListValues: [], binaryListValues: [] },
      };
    await handleRequests(d.context, again);
    assert.deepEqual(await jobs(), []);
  });

  it("may set the sender attribute only if they belong to the platform", async () => {
    const forged = from("AROAORDERS:1", { requestId: "a", tenant: "acme", task: read });
    for (const record of forged.Records)
      record.messageAttributes = {
        senderId: { stringValue: "AIDABILLING", dataType: "String", stringListValues: [], binaryListValues: [] },
      };
    await handleRequests(d.context, forged);
    assert.deepEqual(await jobs(), []);
  });
});
