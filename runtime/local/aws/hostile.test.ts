import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { INVALID_PATHS, type RawRequest, sendRaw, sendSigned, sign } from "../../testing/emulator.ts";
import { type Emulator, startEmulator } from "../emulator.ts";

const JSON_TYPE = "application/x-amz-json-1.0";

describe("the emulator under hostile requests", () => {
  let parent: string;
  let directory: string;
  let emulator: Emulator;
  let host: string;
  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), "rates-hostile-"));
    directory = join(parent, "a", "aws");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(parent, "secret.data"), "secret");
    writeFileSync(join(parent, "secret.meta.json"), "{}");
    emulator = await startEmulator({ directory });
    emulator.createBucket("uploads");
    host = `127.0.0.1:${emulator.port}`;
  });
  afterEach(async () => {
    await emulator.stop();
    rmSync(parent, { recursive: true });
  });

  const outside = () =>
    readdirSync(parent, { recursive: true, encoding: "utf8" }).filter((n) => !n.startsWith("a/aws"));
  const s3Config = () => ({
    endpoint: emulator.endpoint,
    region: emulator.region,
    credentials: emulator.credentials,
    forcePathStyle: true,
  });
  const message = (queueUrl: string): RawRequest => ({
    method: "POST",
    path: "/",
    service: "sqs",
    headers: { "content-type": JSON_TYPE, "x-amz-target": "AmazonSQS.SendMessage" },
    body: JSON.stringify({ QueueUrl: queueUrl, MessageBody: "hello" }),
  });

  it("refuses object keys with path segments . and .., and stores unusual keys inside its directory", async () => {
    const before = outside();
    for (const path of INVALID_PATHS)
      for (const method of ["PUT", "GET", "DELETE", "HEAD"]) {
        const { status } = await sendSigned(emulator, { method, path, ...(method === "PUT" ? { body: "x" } : {}) });
        assert.equal(status, 400, `${method} ${path}`);
      }
    // Unusual but valid keys, stored under a hash.
    for (const path of [
      "//etc/passwd",
      "/%2Fetc%2Fpasswd",
      "/a..b/..c",
      "/%252e%252e/%252e%252e/x",
      `/${"k".repeat(1024)}`,
      `/${"d/".repeat(400)}x`,
      "/C:%5CWindows",
      "/%F0%9F%9A%A2",
      "/a.data/b",
      "/a",
    ]) {
      const key = `/uploads${path}`;
      assert.equal((await sendSigned(emulator, { method: "PUT", path: key, body: path })).status, 200, path);
      assert.deepEqual(await sendSigned(emulator, { method: "GET", path: key }), { status: 200, body: path });
    }
    assert.deepEqual(outside(), before);
    assert.ok(!existsSync("/etc/passwd.data"));
  });

  it("changes nothing outside its directory in copies, renames, multipart uploads, deletions and forms", async () => {
    const before = outside();
    await sendSigned(emulator, { method: "PUT", path: "/uploads/a", body: "a" });
    const expectStatus = async (request: RawRequest, expected: number) =>
      assert.equal((await sendSigned(emulator, request)).status, expected, `${request.method} ${request.path}`);
    const source = "/uploads/..%2f..%2f..%2f..%2fsecret";
    await expectStatus({ method: "PUT", path: "/uploads/b", headers: { "x-amz-copy-source": source } }, 400);
    const query = "/uploads/a?/../../../../secret";
    await expectStatus({ method: "PUT", path: "/uploads/b", headers: { "x-amz-copy-source": query } }, 400);
    await expectStatus({ method: "PUT", path: "/uploads/b", headers: { "x-amz-copy-source": "/%zz" } }, 400);
    await expectStatus(
      { method: "PUT", path: "/uploads/b?renameObject=", headers: { "x-amz-rename-source": source } },
      400,
    );
    await expectStatus({ method: "PUT", path: "/uploads/a?partNumber=1&uploadId=..%2F..%2Fx" }, 404);
    await expectStatus({ method: "DELETE", path: "/uploads/a?uploadId=..%2F..%2F..%2F..%2F" }, 404);
    await expectStatus({ method: "PUT", path: "/uploads/a?partNumber=..&uploadId=abc" }, 400);
    const body = "<Delete><Object><Key>../../../../secret</Key></Object></Delete>";
    await expectStatus({ method: "POST", path: "/uploads?delete=", body }, 200);
    const form = `--x\r\ncontent-disposition: form-data; name="key"\r\n\r\n../../../../written\r\n--x--\r\n`;
    await expectStatus(
      { method: "POST", path: "/uploads", headers: { "content-type": "multipart/form-data; boundary=x" }, body: form },
      403,
    );
    assert.deepEqual(outside(), before);
  });

  it("refuses requests that web pages can send, even signed ones, and other host names", async () => {
    const queueUrl = emulator.createQueue("requests");
    const request = message(queueUrl);
    const sent = async (headers: Record<string, string>, hostHeader = host) =>
      (await sendRaw(emulator.port, request, { ...sign(request, emulator.credentials, hostHeader), ...headers }))
        .status;
    assert.equal(await sent({}), 200);
    assert.equal(await sent({}, `localhost:${emulator.port}`), 200);
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: emulator.endpoint },
      { "sec-fetch-site": "cross-site" },
    ])
      assert.equal(await sent(headers), 403, JSON.stringify(headers));
    for (const other of [
      "evil.example",
      "127.0.0.1.evil.example",
      `localhost.evil.example:${emulator.port}`,
      "127.0.0.1@x",
    ])
      assert.equal(await sent({}, other), 403, other);
    const form: RawRequest = {
      method: "POST",
      path: "/",
      body: `Action=SendMessage&QueueUrl=${encodeURIComponent(queueUrl)}&MessageBody=hello`,
    };
    const type = { "content-type": "application/x-www-form-urlencoded" };
    assert.equal((await sendRaw(emulator.port, form, { host, ...type })).status, 403);
    assert.equal((await sendRaw(emulator.port, form, { host, ...type, origin: "https://evil.example" })).status, 403);
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/_fauxqs/queues"],
      ["GET", "/uploads"],
      ["PUT", "/uploads/x"],
      ["OPTIONS", "/uploads"],
    ] as const)
      assert.equal(
        (await sendRaw(emulator.port, { method, path }, { host })).status,
        403,
        `${method} ${path} unsigned`,
      );
    assert.equal((await sendRaw(emulator.port, { method: "GET", path: "/health" }, { host })).status, 200);
    assert.equal(
      (await sendRaw(emulator.port, { method: "GET", path: "/health" }, { host: "evil.example" })).status,
      403,
    );
  });

  it("refuses signatures with another key or secret, of other content, or of another time", async () => {
    const put: RawRequest = { method: "PUT", path: "/uploads/a", body: "content" };
    const { credentials } = emulator;
    const status = async (headers: Record<string, string>, request = put) =>
      (await sendRaw(emulator.port, request, headers)).status;
    assert.equal(await status(sign(put, credentials, host)), 200);
    for (const accessKeyId of ["test", "local", "LOCALAAAAAAAAAAAAAAA"])
      assert.equal(await status(sign(put, { ...credentials, accessKeyId }, host)), 403);
    assert.equal(await status(sign(put, { ...credentials, secretAccessKey: "test" }, host)), 403);
    assert.equal(await status(sign(put, credentials, host), { ...put, body: "another" }), 400);
    assert.equal(await status(sign(put, credentials, host), { ...put, path: "/uploads/b" }), 403);
    const added = { ...sign(put, credentials, host), "x-amz-copy-source": "/uploads/a" };
    assert.equal(await status(added), 403, "a header was added after signing");
    const hourAgo = new Date(Date.now() - 3_600_000);
    assert.equal(await status(sign(put, credentials, host, hourAgo)), 403);
    const queue: RawRequest = message(emulator.createQueue("requests"));
    const other = { ...queue, body: (queue.body ?? "").replace("hello", "HELLO") };
    assert.equal(await status(sign(queue, credentials, host), other), 403);
  });

  it("accepts presigned links until they expire, only for their method and key", async () => {
    const s3 = new S3Client(s3Config());
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: "uploads", Key: "a b/ü+(1).csv" }));
    assert.equal((await fetch(put, { method: "PUT", body: "1,2\n" })).status, 200);
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket: "uploads", Key: "a b/ü+(1).csv" }));
    assert.equal(await (await fetch(get)).text(), "1,2\n");
    assert.equal((await fetch(get, { method: "DELETE" })).status, 403);
    assert.equal((await fetch(get.replace("uploads/a", "uploads/b"))).status, 403);
    assert.equal((await fetch(get.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"))).status, 403);
    const signingDate = new Date(Date.now() - 901_000);
    const expired = await getSignedUrl(s3, new GetObjectCommand({ Bucket: "uploads", Key: "a" }), { signingDate });
    assert.equal((await fetch(expired)).status, 403);
    s3.destroy();
  });

  it("keeps random credentials in a file of mode 600, and accepts principals that are added to it", async () => {
    const file = join(directory, "credentials");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const other = await startEmulator();
    assert.notEqual(other.credentials.accessKeyId, emulator.credentials.accessKeyId);
    assert.notEqual(other.credentials.secretAccessKey, emulator.credentials.secretAccessKey);
    await other.stop();

    const queueUrl = emulator.createQueue("requests");
    writeFileSync(
      file,
      "\n[orders]\naws_access_key_id = ORDERS\naws_secret_access_key = of orders\nsender_id = AROAEXAMPLE:orders\n",
      { flag: "a" },
    );
    const credentials = { accessKeyId: "ORDERS", secretAccessKey: "of orders" };
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: emulator.region, credentials });
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "hello" }));
    sqs.destroy();
    const before = emulator.credentials;
    const { port } = emulator;
    await emulator.stop();
    emulator = await startEmulator({ directory, port });
    assert.deepEqual(emulator.credentials, before);
  });
});
