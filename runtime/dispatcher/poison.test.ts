import assert from "node:assert/strict";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

const read = { type: "read", query: "price_export" };
const bad: Record<string, string> = {
  surrogateInParameter:
    '{"requestId":"x","task":{"type":"read","query":"average_rates","params":{"orig_code":"\\ud800"}}}',
  surrogateInLabel: `{"requestId":"x","labels":{"a":"\\ud800"},"task":${JSON.stringify(read)}}`,
  nulInline:
    '{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"orig_code":"\\u0000"}]}}}',
  surrogateInline:
    '{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"orig_code":"\\ud800"}]}}}',
  deep: `{"requestId":"x","task":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  deepInline: `{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}]}}}`,
};

describe("a message that cannot be stored", () => {
  for (const [name, body] of Object.entries(bad))
    it(`gets a response, and does not block others: ${name}`, async () => {
      const d = await testDispatcher();
      try {
        const result = await handleRequests(d.context, sqsEvent(body, { requestId: "good", task: read }));
        const responses = (await d.receive(d.context.queues.responses)).map(({ Body }) => JSON.parse(Body ?? ""));
        assert.deepEqual(result, { batchItemFailures: [] });
        assert.equal((await d.admin.query("select count(*)::int as n from jobs.jobs")).rows[0].n, 1);
        assert.deepEqual(
          responses.map(({ requestId, error }) => [requestId, error.type]),
          [["x", "InvalidRequest"]],
        );
      } finally {
        await d.close();
      }
    });
});

describe("invalid requests under one id", () => {
  it("get responses with different responseIds, and a repeat with the same", async () => {
    const d = await testDispatcher();
    try {
      const invalid = (priority: number) => ({ requestId: "x", priority, task: read });
      await handleRequests(d.context, sqsEvent(invalid(10), invalid(11), invalid(10)));
      const responses = (await d.receive(d.context.queues.responses)).map(
        ({ Body }) => JSON.parse(Body ?? "").responseId,
      );
      assert.deepEqual([responses.length >= 2, new Set(responses).size], [true, 2]);
    } finally {
      await d.close();
    }
  });
});

describe("a request whose S3 object cannot be read now", () => {
  it("stays in the queue, and does not block others", async () => {
    const d = await testDispatcher();
    try {
      const load = (key: string) => ({
        requestId: key,
        task: { type: "update", target: "prices", source: { s3: `s3://uploads/${key}` }, format: "csv" },
      });
      const s3 = {
        async send({ input }: { input: { Key: string } }) {
          if (input.Key === "unavailable")
            throw Object.assign(new Error("slow down"), { $metadata: { httpStatusCode: 503 } });
          return { ETag: "tag" };
        },
      } as unknown as Awaited<ReturnType<typeof d.context.s3>>;
      const event = sqsEvent(load("readable"), load("unavailable"), { requestId: "read", task: read });
      const { batchItemFailures } = await handleRequests({ ...d.context, s3: async () => s3 }, event);
      assert.deepEqual(batchItemFailures, [{ itemIdentifier: event.Records[1]?.messageId }]);
      const { rows } = await d.admin.query("select request_id from jobs.jobs order by 1");
      assert.deepEqual(
        rows.map(({ request_id }) => request_id),
        ["read", "readable"],
      );
    } finally {
      await d.close();
    }
  });
});

describe("an invalid message while no dead letter can be sent", () => {
  it("stays in the queue, and does not block others", async () => {
    const d = await testDispatcher();
    try {
      const send = () => Promise.reject(new Error("SQS is unavailable"));
      const event = sqsEvent("{", { requestId: "good", task: read });
      const { batchItemFailures } = await handleRequests(
        { ...d.context, sqs: { send } as unknown as typeof d.context.sqs },
        event,
      );
      assert.deepEqual(batchItemFailures, [{ itemIdentifier: event.Records[0]?.messageId }]);
      assert.equal((await d.admin.query("select count(*)::int as n from jobs.jobs")).rows[0].n, 1);
    } finally {
      await d.close();
    }
  });
});

describe("an invalid message of SQS's maximum size", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  before(async () => {
    d = await testDispatcher();
  });
  after(() => d.close());

  // Characters of one byte and of three bytes; the size limit may split the latter.
  for (const filler of ["x", "東", "x東"])
    it(`becomes a dead letter with its reason, which counts towards the size, and gets a response: '${filler}'`, async function () {
      this.timeout(60_000);
      const begin = '{"requestId":"large","a":"';
      const fill = Math.floor((1_048_576 - begin.length) / Buffer.byteLength(filler));
      const body = `${begin}${filler.repeat(fill)}`.padEnd(
        1_048_576 - Buffer.byteLength(filler.repeat(fill)) + filler.length * fill,
        "y",
      );
      assert.equal(Buffer.byteLength(body), 1_048_576);
      assert.deepEqual(await handleRequests(d.context, sqsEvent(body)), { batchItemFailures: [] });
      const [dead, ...more] = await d.receive(d.context.queues.deadLetters);
      assert.equal(more.length, 0);
      assert.equal(dead?.MessageAttributes?.errorType?.StringValue, "UnreadableMessage");
      assert.match(dead?.MessageAttributes?.reason?.StringValue ?? "", /Unterminated string/);
      const deadBody = dead?.Body ?? "";
      assert(body.startsWith(deadBody), "it is truncated at the end");
      assert(Buffer.byteLength(deadBody) > 1_048_000, `${Buffer.byteLength(deadBody)} bytes are kept`);
      const [response] = await d.receive(d.context.queues.responses);
      assert.equal(JSON.parse(response?.Body ?? "{}").requestId, "large");
    });
});
