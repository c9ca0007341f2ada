import assert from "node:assert/strict";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { sendDueResponses } from "../../dispatcher/maintenance.ts";
import { handleRequests } from "../../dispatcher/requests.ts";
import { redrive } from "../../requests/deadLetters.ts";
import { sqsEvent } from "../dispatcher.ts";
import type { MotoPlatform } from "./platform.ts";

/** Tests of the calls to SQS. */
export const queueCalls = (platform: MotoPlatform): Mocha.Suite =>
  describe("SQS", () => {
    const send = (queue: string, body: string) =>
      platform.api.context.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
    /** Returns the URL of a queue that does not exist. */
    const gone = (queue: string) => `${queue}-gone`;
    const read = (requestId: string) => ({ requestId, task: { type: "read", query: "price_export" } });
    const hasName = (name: string) => (error: Error) => {
      assert.match(`${error.name}: ${error.message}`, new RegExp(name));
      return true;
    };
    it("keeps an invalid message as a dead letter with its reason, and redrives by error type", async () => {
      const { queues } = platform.api.context;
      await handleRequests(platform.api.context, sqsEvent("not json"));
      await send(queues.deadLetters, JSON.stringify(read("received-too-often")));
      const { redriven, kept } = await redrive(platform.api.context.sqs, queues, platform.api.context.settings, {
        dryRun: false,
        limit: 10,
      });
      assert.deepEqual({ redriven, kept }, { redriven: { ReceivedTooOften: 1 }, kept: { UnreadableMessage: 1 } });
      assert.deepEqual(
        (await platform.api.receive(queues.requests)).map(({ Body }) => JSON.parse(Body ?? "").requestId),
        ["received-too-often"],
      );
      const [left] = await platform.api.receive(queues.deadLetters);
      assert.equal(left?.MessageAttributes?.errorType?.StringValue, "UnreadableMessage");
      assert.match(left?.MessageAttributes?.reason?.StringValue ?? "", /is not a request: .*JSON/);
    });

    it("leaves a message in its queue if its dead letter cannot be sent, and reports that the queue does not exist", async () => {
      const { queues } = platform.api.context;
      const context = { ...platform.api.context, queues: { ...queues, deadLetters: gone(queues.deadLetters) } };
      const event = sqsEvent("not json");
      const { batchItemFailures } = await handleRequests(context, event);
      assert.deepEqual(batchItemFailures, [{ itemIdentifier: event.Records[0]?.messageId }]);
      await assert.rejects(
        redrive(platform.api.context.sqs, context.queues, platform.api.context.settings, { dryRun: true, limit: 1 }),
        hasName("QueueDoesNotExist|NonExistentQueue"),
      );
    });

    it("keeps a response due while its queue does not exist, and sends the same response afterwards", async () => {
      const { queues } = platform.api.context;
      await handleRequests(
        { ...platform.api.context, queues: { ...queues, responses: gone(queues.responses) } },
        sqsEvent({ requestId: "due", task: {} }),
      );
      await platform.api.admin.query("update jobs.answers set due_at = jobs.clock()");
      const { rows } = await platform.api.admin.query(
        "select body from jobs.responses where request_id = 'due' and sent_at is null",
      );
      assert.equal(await sendDueResponses(platform.api.context), 1);
      assert.deepEqual(
        (await platform.api.receive(queues.responses)).map(({ Body }) => Body),
        [rows[0].body],
      );
    });

    it("accepts a job over the API although no wake-up can be sent", async () => {
      const headers = await platform.api.as("default");
      const { queues } = platform.api.context;
      const { wakeups } = queues;
      const submit = (id: string) =>
        platform.api.app.inject({ method: "POST", url: "/jobs", headers, payload: read(id) });
      assert.equal((await submit("woken")).statusCode, 202);
      assert.equal((await platform.api.receive(wakeups)).length, 1);
      queues.wakeups = gone(wakeups);
      assert.equal((await submit("not-woken")).statusCode, 202);
      queues.wakeups = wakeups;
    });
  });
