import assert from "node:assert/strict";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { sendSigned } from "../../testing/emulator.ts";
import { type Emulator, startEmulator } from "../emulator.ts";
import { PLATFORM_SENDER_ID, type Principal } from "./principals.ts";
import { parseForm, resultXml } from "./queryProtocol.ts";

describe("the emulator of SQS", () => {
  let emulator: Emulator;
  let QueueUrl: string;
  let sqs: SQSClient;
  beforeEach(async () => {
    emulator = await startEmulator();
    QueueUrl = emulator.createQueue("requests");
    sqs = client(emulator.credentials);
  });
  afterEach(async () => {
    sqs.destroy();
    await emulator.stop();
  });

  const client = (credentials: Principal) =>
    new SQSClient({ endpoint: emulator.endpoint, region: emulator.region, credentials });
  const receive = async (input: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...input }))).Messages ?? [];
  const queuePath = () => new URL(QueueUrl).pathname;
  const json = (action: string, body: object, path = "/") =>
    sendSigned(emulator, {
      method: "POST",
      path,
      service: "sqs",
      headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
      body: JSON.stringify(body),
    });
  const form = (parameters: Record<string, string>, path = "/") =>
    sendSigned(emulator, {
      method: "POST",
      path,
      service: "sqs",
      headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      body: String(new URLSearchParams({ ...parameters, Version: "2012-11-05" })),
    });

  it("gives each message the SenderId of the principal that sent it", async () => {
    const other = emulator.addPrincipal("orders", "AROAEXAMPLE:orders");
    const orders = client(other);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "platform" }));
    await orders.send(new SendMessageCommand({ QueueUrl, MessageBody: "orders" }));
    const Entries = [{ Id: "1", MessageBody: "batch" }];
    await orders.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    orders.destroy();
    const messages = await receive({ MessageSystemAttributeNames: ["SenderId"] });
    assert.deepEqual(
      messages.map(({ Body, Attributes, MessageAttributes }) => [Body, Attributes, MessageAttributes]),
      [
        ["platform", { SenderId: PLATFORM_SENDER_ID }, undefined],
        ["orders", { SenderId: "AROAEXAMPLE:orders" }, undefined],
        ["batch", { SenderId: "AROAEXAMPLE:orders" }, undefined],
      ],
    );
  });

  it("does not let a sender set its SenderId", async () => {
    for (const name of ["AWS.SenderId", "aws.SenderId", "Amazon.x", "a..b", ".a", "a b"]) {
      const MessageAttributes = { [name]: { DataType: "String", StringValue: "another" } };
      const command = new SendMessageCommand({ QueueUrl, MessageBody: "x", MessageAttributes });
      await assert.rejects(sqs.send(command), { name: "InvalidParameterValue" }, name);
    }
    assert.deepEqual(await receive(), []);
  });

  it("returns only the requested message attributes, and their digest only if it returns all of them", async () => {
    const attribute = (StringValue: string) => ({ DataType: "String", StringValue });
    const MessageAttributes = { one: attribute("1"), other: attribute("2"), "a.x": attribute("3") };
    const send = () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x", MessageAttributes }));
    for (const [requested, expected] of [
      [[], undefined],
      [["one"], ["one"]],
      [["a.*"], ["a.x"]],
      [["All"], ["a.x", "one", "other"]],
    ] as const) {
      await send();
      const [message] = await receive({ MessageAttributeNames: [...requested] });
      assert.deepEqual(message?.MessageAttributes && Object.keys(message.MessageAttributes).sort(), expected);
      assert.equal(message?.MD5OfMessageAttributes !== undefined, requested[0] === "All");
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
    }
  });

  it("refuses queue names and policies that SQS refuses", async () => {
    for (const QueueName of ["../x", "x y", "a".repeat(81), "", "é", "a/b", "x\n"])
      assert.equal((await json("CreateQueue", { QueueName })).status, 400, QueueName);
    for (const [name, value] of [
      ["RedrivePolicy", "{"],
      ["RedrivePolicy", "[]"],
      ["Policy", "1"],
      ["RedriveAllowPolicy", "null"],
    ] as const) {
      const attributes = { [name]: value };
      assert.equal((await json("SetQueueAttributes", { QueueUrl, Attributes: attributes })).status, 400, name);
      assert.equal((await json("CreateQueue", { QueueName: "new", Attributes: attributes })).status, 400, name);
    }
    assert.equal((await json("CreateQueue", { QueueName: "__proto__" })).status, 200);
  });

  it("accepts messages of 1 MiB with characters above U+FFFF, and refuses larger and invalid messages", async () => {
    const MAX = 1_048_576;
    const emoji = `🚢${"x".repeat(MAX - 4)}`;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: emoji }));
    const [message] = await receive();
    assert.equal(message?.Body, emoji);
    for (const [MessageBody, name] of [
      [`${emoji}x`, "InvalidParameterValue"],
      ["\u0000", "InvalidMessageContents"],
      ["\uffff", "InvalidMessageContents"],
    ] as const)
      await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody })), { name });
    const { status, body } = await json("SendMessage", { QueueUrl, MessageBody: "" });
    assert.deepEqual([status, JSON.parse(body).__type], [400, "com.amazonaws.sqs#MissingParameter"]);
    assert.equal((await json("SendMessage", { QueueUrl, MessageBody: 5 })).status, 400);
    assert.equal((await json("SendMessage", { QueueUrl, MessageBody: "x".repeat(5 * MAX) })).status, 413);
  });

  it("handles each entry of a batch by itself, within the limits of a batch", async () => {
    const entry = (Id: string, MessageBody: string) => ({ Id, MessageBody });
    const { Successful, Failed } = await sqs.send(
      new SendMessageBatchCommand({ QueueUrl, Entries: [entry("good", "x"), entry("bad", "\u0001")] }),
    );
    assert.deepEqual(
      [Successful?.map(({ Id }) => Id), Failed?.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault])],
      [["good"], [["bad", "InvalidMessageContents", true]]],
    );
    const half = "x".repeat(600_000);
    for (const [entries, name] of [
      [[], "EmptyBatchRequest"],
      [Array.from({ length: 11 }, (_, n) => entry(String(n), "x")), "TooManyEntriesInBatchRequest"],
      [[entry("a", "x"), entry("a", "x")], "BatchEntryIdsNotDistinct"],
      [[entry("a b", "x")], "InvalidBatchEntryId"],
      [[entry("x".repeat(81), "x")], "InvalidBatchEntryId"],
      [[entry("a", half), entry("b", half)], "BatchRequestTooLong"],
    ] as const)
      await assert.rejects(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [...entries] })), { name });
    const messages = await receive();
    assert.equal(messages.length, 1);
    const deleted = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: messages.map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle })),
      }),
    );
    assert.equal(deleted.Successful?.length, 1);
  });

  it("accepts actions at the URL of the queue, in both protocols", async () => {
    assert.equal((await json("SendMessage", { QueueUrl, MessageBody: "json" }, queuePath())).status, 200);
    assert.equal((await json("SendMessage", { MessageBody: "json without" }, queuePath())).status, 200);
    const { status, body } = await form({ Action: "SendMessage", MessageBody: "a <form> & more" }, queuePath());
    assert.equal(status, 200, body);
    assert.match(body, /^<\?xml version="1\.0"\?><SendMessageResponse [^>]+><SendMessageResult><MessageId>/);
    const { body: received } = await form(
      { Action: "ReceiveMessage", MaxNumberOfMessages: "10", "AttributeName.1": "All", VisibilityTimeout: "0" },
      queuePath(),
    );
    assert.match(received, /<Body>a &lt;form&gt; &amp; more<\/Body>/);
    assert.match(
      received,
      new RegExp(`<Attribute><Name>SenderId</Name><Value>${PLATFORM_SENDER_ID}</Value></Attribute>`),
    );
    // A form without an action is refused.
    for (const path of [queuePath(), "/"])
      for (const body of ["", "x", "QueueUrl=x"])
        assert.equal(
          (
            await sendSigned(emulator, {
              method: "POST",
              path,
              service: "sqs",
              headers: { "content-type": "application/x-www-form-urlencoded" },
              body,
            })
          ).status,
          400,
        );
    assert.equal((await receive()).length, 3);
  });

  it("responds to unknown actions, queues and malformed requests as SQS does", async () => {
    const unknown = await form({ Action: "Publish", Message: "x" });
    assert.equal(unknown.status, 400);
    assert.match(unknown.body, /<Type>Sender<\/Type><Code>InvalidAction<\/Code>/);
    const missing = await form({
      Action: "SendMessage",
      QueueUrl: `${emulator.endpoint}/000000000000/none`,
      MessageBody: "x",
    });
    assert.match(missing.body, /<Code>AWS\.SimpleQueueService\.NonExistentQueue<\/Code>/);
    for (const [action, type] of [
      ["Frobnicate", "InvalidAction"],
      ["constructor", "InvalidAction"],
      ["ReceiveMessage", "InvalidParameterValue"],
    ] as const)
      assert.equal(JSON.parse((await json(action, {})).body).__type, `com.amazonaws.sqs#${type}`);
    assert.equal((await json("SendMessage", { MessageBody: "x" }, "/some/where/else")).status, 404);
    await assert.rejects(
      sqs.send(new SendMessageCommand({ QueueUrl: `${emulator.endpoint}/000000000000/none`, MessageBody: "x" })),
      { name: "QueueDoesNotExist" },
    );
    await assert.rejects(
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: "none", VisibilityTimeout: 50_000 })),
    );
  });

  it("translates forms with lists, maps and entries to JSON, and results to XML", () => {
    const { action, input } = parseForm(
      "Action=SendMessageBatch&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=y" +
        "&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x" +
        "&SendMessageBatchRequestEntry.1.DelaySeconds=5&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n" +
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v" +
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String&Attribute.1.Name=A&Attribute.1.Value=1" +
        "&__proto__.polluted=yes",
    );
    assert.equal(action, "SendMessageBatch");
    assert.deepEqual(input.Attributes, { A: "1" });
    assert.deepEqual(input.Entries, [
      {
        Id: "a",
        MessageBody: "x",
        DelaySeconds: 5,
        MessageAttributes: { n: { StringValue: "v", DataType: "String" } },
      },
      { Id: "b", MessageBody: "y" },
    ]);
    assert.equal(({} as { polluted?: string }).polluted, undefined);
    assert.throws(() => parseForm("Action=a&Action=b"), { code: "MalformedQueryString" });
    assert.throws(() => parseForm("Action=a&x=1&x.1=2"), { code: "MalformedQueryString" });
    assert.match(
      resultXml("SendMessageBatch", { Successful: [{ Id: "a" }], Failed: [{ Id: "b", SenderFault: true }] }),
      /<SendMessageBatchResultEntry><Id>a<\/Id><\/SendMessageBatchResultEntry><BatchResultErrorEntry><Id>b<\/Id><SenderFault>true</,
    );
  });
});
