import assert from "node:assert/strict";
import type { SQSMessageAttribute } from "aws-lambda";
import { TRACEPARENT } from "../contract/traceparent.ts";
import { redrive } from "../requests/deadLetters.ts";
import { cancel } from "../store/jobs.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { sendDueResponses } from "./maintenance.ts";
import { handleRequests } from "./requests.ts";

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const read = { type: "read", query: "price_export" };

type Attribute = { stringValue?: string; binaryValue?: string; dataType: string };
const stringAttribute = (stringValue: string): Attribute => ({ stringValue, dataType: "String" });

describe("the trace context of a message", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher();
  });
  afterEach(() => d.close());

  const send = async (body: unknown, attribute?: Attribute) => {
    const event = sqsEvent(body);
    for (const record of event.Records)
      if (attribute) record.messageAttributes = { [TRACEPARENT]: attribute as SQSMessageAttribute };
    assert.deepEqual((await handleRequests(d.context, event)).batchItemFailures, []);
  };
  /** Traceparents of all responses: in the body, and as a message attribute. */
  const traceparents = async () => {
    await sendDueResponses(d.context);
    return (await d.receive(d.context.queues.responses)).map(({ Body = "", MessageAttributes }) => {
      const body = JSON.parse(Body);
      return [body.requestId, body.status, body.traceparent, MessageAttributes?.[TRACEPARENT]?.StringValue];
    });
  };
  const storedTraceparent = async (requestId: string) =>
    (
      await d.admin.query("select document->>'traceparent' as traceparent from jobs.documents where request_id = $1", [
        requestId,
      ])
    ).rows[0]?.traceparent;
  const cancelJob = async (requestId: string) => cancel(await d.as("api_reader"), "default", requestId);

  it("is stored with the job, and is in the response even if the job is cancelled", async () => {
    await send({ requestId: "a", task: read }, stringAttribute(TRACE));
    assert.equal(await storedTraceparent("a"), TRACE);
    await cancelJob("a");
    assert.deepEqual(await traceparents(), [["a", "CANCELLED", TRACE, TRACE]]);
  });

  it("is in no response if the message has none", async () => {
    await send({ requestId: "a", task: read });
    await cancelJob("a");
    assert.deepEqual(await traceparents(), [["a", "CANCELLED", undefined, undefined]]);
    const { rows } = await d.admin.query("select document ? 'traceparent' as has from jobs.documents");
    assert.deepEqual(rows, [{ has: false }]);
  });

  it("is ignored if it is invalid: the job is accepted without it", async () => {
    const invalid: Attribute[] = [
      stringAttribute(""),
      stringAttribute(TRACE.toUpperCase()),
      stringAttribute(`${TRACE}${"0".repeat(10_000)}`),
      stringAttribute(`${TRACE},${TRACE}`),
      stringAttribute(TRACE.replace(/^00/, "01")),
      stringAttribute("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
      { binaryValue: Buffer.from(TRACE).toString("base64"), dataType: "Binary" },
    ];
    for (const [index, attribute] of invalid.entries()) {
      await send({ requestId: `job-${index}`, task: read }, attribute);
      assert.equal(await storedTraceparent(`job-${index}`), null, JSON.stringify(attribute).slice(0, 100));
    }
  });

  it("is not part of the request's identity: a repeat is the same job and keeps the first trace context", async () => {
    await send({ requestId: "a", task: read }, stringAttribute(TRACE));
    await send({ requestId: "a", task: read }, stringAttribute(OTHER));
    await send({ requestId: "a", task: read });
    assert.equal(await storedTraceparent("a"), TRACE);
    await cancelJob("a");
    await send({ requestId: "a", task: read }, stringAttribute(OTHER));
    const repeated = await traceparents();
    assert(repeated.length > 0);
    for (const traceparent of repeated) assert.deepEqual(traceparent, ["a", "CANCELLED", TRACE, TRACE]);
  });

  it("is in the response to a refused request: invalid, in conflict, or a dead letter", async () => {
    await send({ requestId: "invalid", task: { type: "read" } }, stringAttribute(TRACE));
    await send({ requestId: "a", task: read }, stringAttribute(TRACE));
    await send({ requestId: "a", task: { ...read, format: "json" } }, stringAttribute(OTHER));
    await send('{"requestId":"cut","task":{"ty', stringAttribute(TRACE));
    assert.deepEqual((await traceparents()).sort(), [
      ["a", "FAILED", OTHER, OTHER],
      ["cut", "FAILED", TRACE, TRACE],
      ["invalid", "FAILED", TRACE, TRACE],
    ]);
  });

  it("is kept when a dead letter is requeued", async () => {
    await send('{"requestId":"cut","task":{"ty', stringAttribute(TRACE));
    const { queues, settings } = d.context;
    await redrive(d.context.sqs, queues, settings, { types: ["UnreadableMessage"], dryRun: false, limit: 10 });
    const [message] = await d.receive(queues.requests);
    assert.equal(message?.MessageAttributes?.[TRACEPARENT]?.StringValue, TRACE);
  });
});
