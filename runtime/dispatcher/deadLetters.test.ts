import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests, UNEXPECTED_RECEIVES } from "./requests.ts";

const read = { type: "read", query: "price_export" };

describe("the handling of dead letters", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher();
  });
  afterEach(() => d.close());

  const failuresOf = async (...bodies: unknown[]) => {
    const { batchItemFailures } = await handleRequests(d.context, sqsEvent(...bodies));
    return batchItemFailures.length;
  };
  const responses = async (queue = d.context.queues.responses) =>
    (await d.receive(queue)).map(({ Body }) => JSON.parse(Body ?? ""));
  const reasons = async () =>
    (await d.receive(d.context.queues.deadLetters)).map(
      ({ MessageAttributes }) => MessageAttributes?.reason?.StringValue ?? "",
    );

  it("takes the id of a truncated message only from the outermost object", async () => {
    assert.equal(await failuresOf(`{"labels":{"requestId":"OTHER"},"task":${JSON.stringify(read)},"requestId":"mi`), 0);
    assert.deepEqual([(await reasons()).length, await responses()], [1, []]);
  });

  it("does not respond to a dead letter with the id of an existing job, since FAILED would contradict the response of the job", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
    assert.equal(await failuresOf('{"requestId":"a","task":{"ty'), 0);
    assert.deepEqual([(await reasons()).length, await responses()], [1, []]);
  });

  it("responds to a dead letter on the queue of its tenant, and not at all if the tenant is uncertain", async () => {
    await failuresOf(
      '{"requestId":"a","tenant":"acme","task":',
      '{"requestId":"b","tenant":"ac',
      '{"requestId":"c","tenant":7,"x":',
    );
    assert.deepEqual(
      (await responses(d.context.queues.tenants.acme)).map(({ requestId }) => requestId),
      ["a"],
    );
    assert.deepEqual(await responses(), []);
  });

  it("gives the reason why an id cannot be used", async () => {
    const ids = ["x".repeat(129), "{uuid}", "a/b", 7, "", null, ["a"], "https://h/?sig=SECRET"];
    await failuresOf(...ids.map((requestId) => ({ requestId, task: read })), { task: read }, "[]");
    const all = await reasons();
    assert.equal(all.length, ids.length + 2);
    for (const excerpt of [
      "(129 characters)",
      "'{uuid}' (6",
      "'a/b'",
      "requestId 7",
      "no requestId",
      "not a JSON object",
      "at most 128",
    ])
      assert(
        all.some((reason) => reason.includes(excerpt)),
        `${excerpt}: ${all.join("\n")}`,
      );
    assert(!all.join().includes("SECRET"));
  });

  it("sets attributes that SQS accepts, whatever the message's text", async () => {
    // The reason can contain the character at the error.
    assert.equal(await failuresOf('{"requestId":"a\t', "\uFEFF\uFEFF{", `{"requestId": ${"x".repeat(900_000)}`), 0);
    for (const reason of await reasons()) assert.match(reason, /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD]{1,1000}$/);
  });

  it("accepts a request that begins with a byte order mark", async () => {
    assert.equal(await failuresOf(`\uFEFF${JSON.stringify({ requestId: "a", task: read })}`), 0);
    assert.deepEqual(await reasons(), []);
    assert.equal((await d.admin.query("select from jobs.jobs where request_id = 'a'")).rows.length, 1);
  });

  it("moves a request whose handling fails unexpectedly in its fifth receive, and accepts the other requests", async () => {
    const { db } = d.context;
    const broken = Object.create(db) as typeof db;
    broken.query = ((text: string, values: unknown[]) =>
      /jobs\.accept/.test(text) && String(values[0]).includes('"poison"')
        ? Promise.reject(new Error("a bug"))
        : db.query(text, values)) as typeof db.query;
    const event = sqsEvent({ requestId: "poison", task: read }, { requestId: "good", task: read });
    const receive = async (count: number) => {
      for (const { attributes } of event.Records) attributes.ApproximateReceiveCount = String(count);
      return (await handleRequests({ ...d.context, db: broken }, event)).batchItemFailures.length;
    };
    assert.equal(await receive(UNEXPECTED_RECEIVES - 1), 1);
    assert.deepEqual(await reasons(), []);
    assert.equal(await receive(UNEXPECTED_RECEIVES), 0);
    assert.match((await reasons())[0] ?? "", /: handling it failed, most recently in receive 5: a bug$/);
    assert.deepEqual(
      (await responses()).map(({ requestId, error }) => [requestId, error.type]),
      [["poison", "Internal"]],
    );
    const { rows } = await d.admin.query("select request_id from jobs.jobs");
    assert.deepEqual(rows, [{ request_id: "good" }]);
  });

  it("does not move a request that fails because of an outage, however often it is received", async () => {
    const { db } = d.context;
    const broken = Object.create(db) as typeof db;
    const event = sqsEvent({ requestId: "a", task: read });
    for (const record of event.Records) record.attributes.ApproximateReceiveCount = "900";
    for (const code of ["53300", "57P01", "40001"]) {
      const failure = Object.assign(new Error("down"), { code });
      broken.query = (() => Promise.reject(failure)) as unknown as typeof db.query;
      const outcome = await handleRequests({ ...d.context, db: broken }, event).then(
        ({ batchItemFailures }) => batchItemFailures.length,
        (error) => error,
      );
      assert([1, failure].includes(outcome), code);
    }
    assert.deepEqual(await reasons(), []);
  });

  it("does not move a request that is refused because the platform is busy, however often it is received", async () => {
    const { db } = d.context;
    const broken = Object.create(db) as typeof db;
    broken.query = (() => Promise.reject(new JobError("Busy", { reason: "SQL waits" }))) as unknown as typeof db.query;
    const event = sqsEvent({ requestId: "a", task: read });
    for (const record of event.Records) record.attributes.ApproximateReceiveCount = "900";
    const { batchItemFailures } = await handleRequests({ ...d.context, db: broken }, event);
    assert.equal(batchItemFailures.length, 1);
    assert.deepEqual(await reasons(), []);
  });

  it("does not move a request whose run cannot be started, since its job is committed", async () => {
    d.launcher.failure = new Error("launcher failed");
    for (const record of sqsEvent({ requestId: "a", task: read }).Records) {
      record.attributes.ApproximateReceiveCount = "9";
      assert.deepEqual(await handleRequests(d.context, { Records: [record] }), { batchItemFailures: [] });
    }
    assert.deepEqual(await reasons(), []);
  });
});

describe("a readable but invalid request under the id of an existing job", () => {
  it("gets the response RequestIdConflict and its problems, with its own responseId", async () => {
    const d = await testDispatcher();
    try {
      await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
      await handleRequests(d.context, sqsEvent({ requestId: "a", priority: 10, task: read }));
      const [response] = (await d.receive(d.context.queues.responses)).map(({ Body }) => JSON.parse(Body ?? ""));
      assert.deepEqual([response.error.type, response.error.details[0].field], ["RequestIdConflict", "priority"]);
      const { rows } = await d.admin.query("select response_id, status from jobs.jobs");
      assert.equal(rows[0].status, "PENDING");
      assert.notEqual(rows[0].response_id, response.responseId);
    } finally {
      await d.close();
    }
  });
});
