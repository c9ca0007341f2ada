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
  let cloud: Emulator;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-cloud-"));
  });
  afterEach(async () => {
    await cloud.stop();
    rmSync(directory, { recursive: true });
  });

  const clients = () => {
    const config = {
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: cloud.credentials,
    };
    return { sqs: new SQSClient(config), s3: new S3Client({ ...config, forcePathStyle: true }) };
  };

  it("listen on this machine only", async () => {
    cloud = await startEmulator();
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === "IPv4")) {
      assert.equal(await portProblem(cloud.port, address), undefined, `they listen on ${address} too`);
    }
  });

  it("keep messages and objects across a restart, with the same queue URLs and ETags", async () => {
    cloud = await startEmulator({ directory });
    cloud.createBucket("uploads");
    const queueUrl = cloud.createQueue("requests");
    const before = clients();
    await before.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "kept" }));
    await before.sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl })); // by a receiver that then disconnects
    const put = await before.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "a/b.csv", Body: "1,2\n" }));
    const { port } = cloud;
    await cloud.stop();

    cloud = await startEmulator({ directory, port });
    cloud.createBucket("uploads");
    assert.equal(cloud.createQueue("requests"), queueUrl);
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
    cloud = await startEmulator();
    cloud.createBucket("uploads");
    assert.equal((await sendSigned(cloud, { method: "PUT", path: "/uploads/empty" })).status, 200);
    assert.deepEqual(await sendSigned(cloud, { method: "GET", path: "/uploads/empty" }), { status: 200, body: "" });
  });

  it("deliver a message to the next receiver after a receiver disconnected during its long poll", async () => {
    cloud = await startEmulator({ directory });
    const QueueUrl = cloud.createQueue("requests");
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
    cloud = await startEmulator();
    const queueUrl = cloud.createQueue("requests", { VisibilityTimeout: "30" });
    await clients().sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "kept" }));
    cloud.createQueue("requests", { VisibilityTimeout: "0" });
    for (let receive = 0; receive < 2; receive++) {
      const { Messages } = await clients().sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
      assert.equal(Messages?.length, 1);
    }
  });
});
