import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { sendSigned } from "../testing/emulator.ts";
import { type Emulator, startEmulator } from "./emulator.ts";
import { portProblem } from "./ports.ts";

describe("SQS and S3 on this machine", () => {
  let directory: string;
  let emulator: Emulator;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-emulator-"));
  });
  afterEach(async () => {
    await emulator.stop();
    rmSync(directory, { recursive: true });
  });

  const clients = () => {
    const config = {
      endpoint: emulator.endpoint,
      region: emulator.region,
      credentials: emulator.credentials,
    };
    return { sqs: new SQSClient(config), s3: new S3Client({ ...config, forcePathStyle: true }) };
  };

  it("listen on this machine only", async () => {
    emulator = await startEmulator();
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === "IPv4")) {
      assert.equal(await portProblem(emulator.port, address), undefined, `they listen on ${address} too`);
    }
  });

  it("keep messages and objects across a restart, with the same queue URLs and ETags", async () => {
    emulator = await startEmulator({ directory });
    emulator.createBucket("uploads");
    const queueUrl = emulator.createQueue("requests");
    const before = clients();
    await before.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "kept" }));
    await before.sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl })); // by a receiver that then disconnects
    const put = await before.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "a/b.csv", Body: "1,2\n" }));
    const { port } = emulator;
    await emulator.stop();

    emulator = await startEmulator({ directory, port });
    emulator.createBucket("uploads");
    assert.equal(emulator.createQueue("requests"), queueUrl);
    const after = clients();
    const { Messages } = await after.sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    assert.deepEqual(
      Messages?.map(({ Body }) => Body),
      ["kept"],
    );
    const head = await after.s3.send(new HeadObjectCommand({ Bucket: "uploads", Key: "a/b.csv" }));
    assert.equal(head.ETag, put.ETag);
    const { Body } = await after.s3.send(new GetObjectCommand({ Bucket: "uploads", Key: "a/b.csv" }));
    assert.equal(await Body?.transformToString(), "1,2\n");
  });

  it("store an empty object without a content type", async () => {
    emulator = await startEmulator();
    emulator.createBucket("uploads");
    assert.equal((await sendSigned(emulator, { method: "PUT", path: "/uploads/empty" })).status, 200);
    assert.deepEqual(await sendSigned(emulator, { method: "GET", path: "/uploads/empty" }), { status: 200, body: "" });
  });

  it("deliver a message to the next receiver after a receiver disconnected during its long poll", async () => {
    emulator = await startEmulator({ directory });
    const QueueUrl = emulator.createQueue("requests");
    const { sqs } = clients();
    const leaving = new AbortController();
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: leaving.signal,
    });
    const other = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
    assert.equal((await other).Messages, undefined);
    leaving.abort();
    await assert.rejects(poll);
    // When the server responds to this, it has seen the connection close.
    assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }))).Messages, undefined);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    assert.equal(Messages?.[0]?.Body, "hello");
  });

  it("accept new attributes for an existing queue", async () => {
    emulator = await startEmulator();
    const queueUrl = emulator.createQueue("requests", { VisibilityTimeout: "30" });
    await clients().sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "kept" }));
    emulator.createQueue("requests", { VisibilityTimeout: "0" });
    for (let receive = 0; receive < 2; receive++) {
      const { Messages } = await clients().sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
      assert.equal(Messages?.length, 1);
    }
  });
});
