import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { type Emulator, startEmulator } from "./emulator.ts";
import { type EventSource, startEventSource } from "./eventSource.ts";

describe("the event source", () => {
  let directory: string;
  let emulator: Emulator;
  let sqs: SQSClient;
  let queueUrl: string;
  let source: EventSource | undefined;
  const errors: unknown[] = [];
  let onError: () => void;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "rates-event-source-"));
    emulator = await startEmulator({ directory });
    queueUrl = emulator.createQueue("requests", { VisibilityTimeout: "1" });
    const { credentials } = emulator;
    sqs = new SQSClient({ endpoint: emulator.endpoint, region: emulator.region, credentials });
    errors.length = 0;
    onError = () => {};
  });
  afterEach(async () => {
    await source?.stop();
    sqs.destroy();
    await emulator.stop();
    rmSync(directory, { recursive: true });
  });

  const send = (body: string, attributes = {}) =>
    sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, MessageAttributes: attributes }));
  const start = (handler: (event: SQSEvent) => Promise<SQSBatchResponse>, concurrency = 2) => {
    source = startEventSource({
      sqs,
      queueUrl,
      region: emulator.region,
      concurrency,
      handler,
      log: {
        error(...all: unknown[]) {
          errors.push(all);
          onError();
        },
      },
    });
    return source;
  };
  const remaining = async () => {
    const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] });
    const { Attributes = {} } = await sqs.send(command);
    return names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
  };
  const noFailures: SQSBatchResponse = { batchItemFailures: [] };

  it("delivers messages like Lambda, and deletes successful ones", async () => {
    const { promise, resolve } = Promise.withResolvers<SQSEvent>();
    await send("hello", { kind: { DataType: "String", StringValue: "greeting" } });
    const running = start(async (event) => {
      resolve(event);
      return noFailures;
    });
    const [record] = (await promise).Records;
    await running.stop();
    assert.equal(record?.body, "hello");
    assert.equal(record?.eventSource, "aws:sqs");
    assert.match(record?.eventSourceARN ?? "", /^arn:aws:sqs:eu-west-1:\d{12}:requests$/);
    assert.equal(record?.messageAttributes.kind?.stringValue, "greeting");
    assert.equal(record?.attributes.ApproximateReceiveCount, "1");
    assert.equal(await remaining(), 0);
  });

  it("delivers again the messages that the handler reports as failed, and deletes the others", async () => {
    const deliveredBodies: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    await send("good");
    await send("bad");
    const running = start(async ({ Records }) => {
      deliveredBodies.push(...Records.map(({ body }) => body));
      const failing = Records.filter(
        ({ body, attributes }) => body === "bad" && attributes.ApproximateReceiveCount === "1",
      );
      if (deliveredBodies.filter((body) => body === "bad").length === 2) resolve();
      return { batchItemFailures: failing.map(({ messageId }) => ({ itemIdentifier: messageId })) };
    });
    await promise;
    await running.stop();
    assert.deepEqual(deliveredBodies.toSorted(), ["bad", "bad", "good"]);
    assert.equal(await remaining(), 0);
  });

  it("leaves the whole batch in the queue and logs the error when the handler throws", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await send("one");
    let calls = 0;
    const running = start(async () => {
      if (++calls === 1) throw new Error("database is down");
      resolve();
      return noFailures;
    });
    await promise;
    await running.stop();
    assert.equal(errors.length, 1);
    assert.match(JSON.stringify(errors), /database is down/);
    assert.equal(await remaining(), 0);
  });

  it("reaches the maximum concurrency, and never exceeds it", async () => {
    for (let index = 0; index < 60; index++) await send(String(index));
    let running = 0;
    let maximum = 0;
    let handled = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const eventSource = start(async ({ Records }) => {
      maximum = Math.max(maximum, ++running);
      if (running === 2) reached.resolve();
      await reached.promise;
      await new Promise((next) => setTimeout(next, 20));
      running--;
      handled += Records.length;
      if (handled === 60) resolve();
      return noFailures;
    }, 2);
    await promise;
    await eventSource.stop();
    assert.equal(maximum, 2);
    assert.equal(await remaining(), 0);
  });

  it("stops only after the running invocations have ended", async () => {
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let ended = false;
    await send("one");
    const running = start(async () => {
      started.resolve();
      await gate.promise;
      ended = true;
      return noFailures;
    });
    await started.promise;
    const stopped = running.stop().then(() => ended);
    gate.resolve();
    assert.equal(await stopped, true);
    assert.equal(await remaining(), 0);
  });

  it("continues when the queue is readable again", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<void>();
    onError = failed.resolve;
    const { port } = emulator;
    await emulator.stop();
    const running = start(async () => {
      resolve();
      return noFailures;
    });
    await failed.promise;
    emulator = await startEmulator({ port, directory });
    emulator.createQueue("requests");
    await send("one");
    await promise;
    await running.stop();
    assert.match(JSON.stringify(errors), /cannot be read/);
  });
});
