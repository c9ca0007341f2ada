import assert from "node:assert/strict";
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { testDispatcher } from "../testing/dispatcher.ts";
import { redrive } from "./deadLetters.ts";
import type { MessageRules } from "./forecast.ts";

describe("a redrive", () => {
  let dispatcher: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    dispatcher = await testDispatcher();
  });
  afterEach(() => dispatcher.close());

  it("makes all received dead letters visible again if sending one of them fails", async () => {
    const { sqs, queues } = dispatcher.context;
    for (let n = 0; n < 5; n++)
      await sqs.send(new SendMessageCommand({ QueueUrl: queues.deadLetters, MessageBody: `{"requestId":"r${n}"}` }));
    const rules = { ...dispatcher.context.settings, platformSenders: [] } as unknown as MessageRules;
    const failing = {
      send: (command: unknown) =>
        command instanceof SendMessageCommand
          ? Promise.reject(new Error("throttled"))
          : sqs.send(command as Parameters<SQSClient["send"]>[0]),
    } as SQSClient;
    await assert.rejects(redrive(failing, queues, rules, { dryRun: false, limit: 100 }), /throttled/);
    assert.equal((await dispatcher.receive(queues.deadLetters)).length, 5);
    assert.deepEqual(await dispatcher.receive(queues.requests), []);
  });
});
