import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import pg from "pg";
import { freePort } from "../local/ports.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

const read = { type: "read", query: "price_export" };
const count = async (d: Awaited<ReturnType<typeof testDispatcher>>) =>
  (await d.admin.query("select count(*)::int as count from jobs.jobs")).rows[0].count;

describe("the request queue's handler", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher();
  });
  afterEach(() => d.close());

  it("commits a job for every valid request before deleting its message, and starts the runs", async () => {
    const result = await handleRequests(
      d.context,
      sqsEvent({ requestId: "a", task: read }, { requestId: "b", task: read }),
    );
    assert.deepEqual(result, { batchItemFailures: [] });
    assert.equal(await count(d), 2);
    assert.equal(d.launcher.started.length, 1, "there is only one slot");
  });

  it("sends a message that is not JSON to the dead-letter queue with its error type, and responds if an id can be read", async () => {
    const result = await handleRequests(
      d.context,
      sqsEvent('{"requestId": "cut-off", "task": {"ty', "not json at all", { requestId: "fine", task: read }),
    );
    assert.deepEqual(result, { batchItemFailures: [] });
    assert.equal(await count(d), 1, "the valid request is accepted");
    const dead = await d.receive(d.context.queues.deadLetters);
    assert.deepEqual(
      dead.map((message) => message.MessageAttributes?.errorType?.StringValue),
      ["UnreadableMessage", "UnreadableMessage"],
    );
    const responses = (await d.receive(d.context.queues.responses)).map((message) => JSON.parse(message.Body ?? ""));
    assert.deepEqual(
      responses.map((response) => [response.requestId, response.status, response.error.type]),
      [["cut-off", "FAILED", "UnreadableMessage"]],
    );
  });

  it("sends no response to a dead letter with reply none", async () => {
    await handleRequests(d.context, sqsEvent('{"requestId": "cut-off", "reply": "none", "task": {"ty'));
    assert.equal((await d.receive(d.context.queues.deadLetters)).length, 1);
    assert.deepEqual(await d.receive(d.context.queues.responses), []);
  });

  it("throws if the database becomes unavailable while requests are accepted one by one", async () => {
    const errors = [
      new Error("unexpected"),
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
    ];
    const fails = () => Promise.reject(errors.length > 1 ? errors.shift() : errors[0]);
    const db = { query: fails, connect: fails } as unknown as pg.Pool;
    const event = sqsEvent({ requestId: "a", task: read }, { requestId: "b", task: read });
    await assert.rejects(handleRequests({ ...d.context, db }, event), /ECONNREFUSED/);
  });

  it("sends a message without a usable requestId to the dead-letter queue without a response", async () => {
    await handleRequests(
      d.context,
      sqsEvent({ task: read }, { requestId: "-no", task: read }, { requestId: 7, task: read }, [], null, '"text"'),
    );
    assert.equal((await d.receive(d.context.queues.deadLetters)).length, 6);
    assert.deepEqual(await d.receive(d.context.queues.responses), []);
    assert.equal(await count(d), 0);
  });

  it("responds to a readable but invalid request with all problems, creates no job and leaves its id unused", async () => {
    await handleRequests(
      d.context,
      sqsEvent({
        requestId: "a",
        task: { type: "read", query: "avarage_rates", formt: "csv" },
        prioritty: 1,
        timeoutSeconds: 0,
      }),
    );
    const [message] = await d.receive(d.context.queues.responses);
    const response = JSON.parse(message?.Body ?? "");
    assert.equal(response.error.type, "InvalidRequest");
    assert.deepEqual(response.error.details.map((problem: { field: string }) => problem.field).sort(), [
      "prioritty",
      "task.formt",
      "task.query",
      "timeoutSeconds",
    ]);
    assert.match(
      response.error.details.find((problem: { field: string }) => problem.field === "task.query").message,
      /average_rates/,
    );
    assert.equal(await count(d), 0);
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
    assert.equal(await count(d), 1);
  });

  it("responds to a request with a duplicate key by naming the key, and moves a request with two ids to the dead-letter queue", async () => {
    const task = JSON.stringify(read);
    const twice = `{"requestId":"a","priority":1,"priority":2,"task":{"type":"update",${task.slice(1)}}`;
    await handleRequests(d.context, sqsEvent(twice, `{"requestId":"b","requestId":"c","task":${task}}`));
    const responses = (await d.receive(d.context.queues.responses)).map((message) => JSON.parse(message.Body ?? ""));
    assert.deepEqual(
      responses.map(({ requestId, error }) => [requestId, error.type, error.details]),
      [
        [
          "a",
          "InvalidRequest",
          ["priority", "task.type"].map((field) => ({ field, message: "is given more than once. Keep one." })),
        ],
      ],
    );
    const dead = await d.receive(d.context.queues.deadLetters);
    assert.match(dead[0]?.MessageAttributes?.reason?.StringValue ?? "", /requestId is given more than once/);
    assert.deepEqual([dead.length, await count(d)], [1, 0]);
  });

  it("responds to another task under an existing requestId with RequestIdConflict and its own responseId, and leaves the first job unchanged", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: { ...read, format: "json" } }));
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: { ...read, format: "json" } }));
    const responses = (await d.receive(d.context.queues.responses)).map((message) => JSON.parse(message.Body ?? ""));
    assert.deepEqual(
      responses.map((response) => response.error.type),
      ["RequestIdConflict", "RequestIdConflict"],
    );
    assert.deepEqual(responses[0], responses[1], "both responses are the same");
    const { rows } = await d.admin.query("select response_id, status, task->>'format' as format from jobs.jobs");
    assert.deepEqual([rows.length, rows[0].status, rows[0].format], [1, "PENDING", "csv"]);
    assert.notEqual(rows[0].response_id, responses[0].responseId);
  });

  it("treats a task with explicit defaults as the same task", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
    await handleRequests(
      d.context,
      sqsEvent({ task: { compression: "none", format: "csv", params: {}, ...read }, requestId: "a", priority: 4 }),
    );
    assert.deepEqual(await d.receive(d.context.queues.responses), []);
    assert.equal(await count(d), 1);
  });

  it("responds on the tenant's own queue if it has one", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", tenant: "acme", task: {} }));
    assert.equal((await d.receive(d.context.queues.tenants.acme ?? "")).length, 1);
    assert.deepEqual(await d.receive(d.context.queues.responses), []);
  });

  it("leaves requests in the queue while the database is unavailable, still dead-letters unreadable messages, and slows down polling by failing the invocation if it handled no message", async () => {
    const { db } = d.context;
    const unavailable = new pg.Pool({ host: "127.0.0.1", port: await freePort() });
    d.context.db = unavailable;
    const event = sqsEvent({ requestId: "a", task: read });
    try {
      await assert.rejects(handleRequests(d.context, event), { code: "ECONNREFUSED" });
      assert.deepEqual(await d.receive(d.context.queues.deadLetters), []);

      // Dead letters would be sent again if the invocation failed.
      const mixed = sqsEvent("not json", { requestId: "a", task: read });
      assert.deepEqual(await handleRequests(d.context, mixed), {
        batchItemFailures: [{ itemIdentifier: mixed.Records[1]?.messageId }],
      });
      assert.equal((await d.receive(d.context.queues.deadLetters)).length, 1);
    } finally {
      d.context.db = db;
      await unavailable.end();
    }
    assert.deepEqual(await handleRequests(d.context, event), { batchItemFailures: [] });
    assert.equal(await count(d), 1);
  });

  it("reports the failed messages if the database is not the cause, so that polling does not slow down", async () => {
    const { db } = d.context;
    const broken = Object.create(db) as typeof db;
    broken.query = (() => Promise.reject(new Error("a bug"))) as unknown as typeof db.query;
    d.context.db = broken;
    const event = sqsEvent({ requestId: "a", task: read });
    const result = await handleRequests(d.context, event);
    d.context.db = db;
    assert.deepEqual(result, { batchItemFailures: [{ itemIdentifier: event.Records[0]?.messageId }] });
  });

  it("pins an S3 object when it accepts a request, and responds with SourceNotFound if it is missing", async () => {
    await d.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "a/b.csv", Body: "x" }));
    const update = (key: string) => ({ type: "update", target: "prices", source: { s3: `s3://${key}` } });
    await handleRequests(
      d.context,
      sqsEvent(
        { requestId: "there", task: update("uploads/a/b.csv") },
        { requestId: "gone", task: update("uploads/none.csv") },
        { requestId: "other", task: update("results/none.csv") },
      ),
    );
    const responses = (await d.receive(d.context.queues.responses)).map((message) => JSON.parse(message.Body ?? ""));
    assert.deepEqual(responses.map((response) => [response.requestId, response.error.type]).sort(), [
      ["gone", "SourceNotFound"],
      ["other", "SourceNotAllowed"],
    ]);
    const { rows } = await d.admin.query("select task->'source' as source, request_hash from jobs.jobs");
    assert.equal(rows.length, 1);
    assert.match(rows[0].source.etag, /^"[0-9a-f]{32}"$/);
  });
});
