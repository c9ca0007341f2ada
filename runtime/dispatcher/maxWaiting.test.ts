import assert from "node:assert/strict";
import { ReceiveMessageCommand, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { startEventSource } from "../local/eventSource.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

const read = { type: "read", query: "price_export" };

describe("requests of a tenant at its maximum of waiting jobs", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher({ jobs: { maxWaiting: 1 } });
  });
  afterEach(() => d.close());
  const accepted = async () =>
    (await d.admin.query("select tenant, request_id from jobs.jobs order by 1, 2")).rows.map((row) =>
      Object.values(row).join("/"),
    );

  it("stay in the queue without a response, while other tenants' requests of the batch are accepted", async () => {
    const event = sqsEvent(
      { requestId: "1", tenant: "acme", task: read },
      { requestId: "2", tenant: "acme", task: read },
      { requestId: "1", tenant: "other", task: read },
    );
    const [, second] = event.Records;
    assert.deepEqual(await handleRequests(d.context, event), {
      batchItemFailures: [{ itemIdentifier: second?.messageId }],
    });
    assert.deepEqual(await accepted(), ["acme/1", "other/1"]);
    for (const queue of [d.context.queues.tenants.acme ?? "", d.context.queues.deadLetters])
      assert.deepEqual(await d.receive(queue), []);
    assert.equal((await d.admin.query("select from jobs.responses")).rowCount, 0);
  });

  it("stay in the queue however often they were received, and are accepted when jobs have ended", async () => {
    const first = sqsEvent({ requestId: "1", task: read });
    await handleRequests(d.context, first);
    const event = sqsEvent({ requestId: "2", task: read });
    for (const ApproximateReceiveCount of ["1", "5", "999"]) {
      Object.assign(event.Records[0]?.attributes ?? {}, { ApproximateReceiveCount });
      assert.equal((await handleRequests(d.context, event)).batchItemFailures.length, 1);
    }
    assert.deepEqual(await d.receive(d.context.queues.deadLetters), []);
    await d.admin.query("update jobs.jobs set status = 'CANCELLED', finished_at = jobs.clock()");
    assert.deepEqual(await handleRequests(d.context, event), { batchItemFailures: [] });
    assert.deepEqual(await accepted(), ["default/1", "default/2"]);
  });

  it("are hidden for a while, so that other messages are received first", async () => {
    const QueueUrl = d.context.queues.requests;
    const Entries = ["1", "2"].map((requestId) => ({
      Id: requestId,
      MessageBody: JSON.stringify({ requestId, task: read }),
    }));
    await d.context.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    const handled = Promise.withResolvers<void>();
    const source = startEventSource({
      sqs: d.context.sqs,
      queueUrl: QueueUrl,
      region: "eu-west-1",
      concurrency: 1,
      log: { error: () => undefined },
      handler: async (event) => {
        const response = await handleRequests(d.context, event);
        if (response.batchItemFailures.length > 0) handled.resolve();
        return response;
      },
    });
    await handled.promise;
    await source.stop();
    const { Messages = [] } = await d.context.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    assert.deepEqual(Messages, []);
    assert.equal((await accepted()).length, 1);
  });
});
