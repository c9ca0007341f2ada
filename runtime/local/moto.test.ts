import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateQueueCommand, DeleteQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { handler } from "../../db/lambda.ts";
import { emptyDatabase } from "../../db/testing/database.ts";
import { sendDueResponses } from "../dispatcher/maintenance.ts";
import { handleRequests } from "../dispatcher/requests.ts";
import { ROOT } from "../platform/root.ts";
import { redrive } from "../requests/deadLetters.ts";
import { glueCatalog } from "../runner/glue/catalog.ts";
import { openSource, type S3Source } from "../runner/load/source.ts";
import { MultipartUpload } from "../runner/multipart.ts";
import { testApi } from "../testing/api/api.ts";
import { sqsEvent } from "../testing/dispatcher.ts";
import { type Moto, startMoto } from "../testing/launchers/moto.ts";
import { CallRecorder, judgeCalls, pythonRecorder } from "../testing/models/calls.ts";
import { requirePython } from "../testing/python/python.ts";
import type { Emulator } from "./emulator.ts";

const QUEUES = ["requests", "wakeups", "dead-letters", "responses", "responses-acme"];
const BUCKETS = ["results", "uploads"];
/**
 * Folders whose AWS calls do not belong to the platform: stand-ins for AWS, and tools that inspect a platform from
 * outside.
 */
const OUTSIDE = new Set(["local", "bench", "smoke", "cli", "simulation", "attack", "testing", "tools"]);
/** Proved in dispatcher/launchers/ec2.test.ts and glue.test.ts. */
const ELSEWHERE = /launchers/;

/** Every command of an AWS client that the platform's own code makes. */
function commands(): Set<string> {
  const files = ["runtime", "db"]
    .flatMap((room) =>
      readdirSync(`${ROOT}${room}`, { recursive: true, encoding: "utf8" }).map((at) => `${room}/${at}`),
    )
    .filter((file) => file.endsWith(".ts") && !/testing|\.test\.ts$/.test(file) && !ELSEWHERE.test(file))
    .filter((file) => !OUTSIDE.has(file.split("/")[1] ?? ""));
  return new Set(
    files.flatMap((file) =>
      [...readFileSync(`${ROOT}${file}`, "utf8").matchAll(/new (?:[\w.#]+\.)?([A-Z]\w+Command)\(/g)].map(
        ([, name]) => name ?? "",
      ),
    ),
  );
}

describe("calls to AWS, against moto's", () => {
  let moto: Moto;
  let p: Awaited<ReturnType<typeof testApi>>;
  const recorder = new CallRecorder();
  let secrets: Awaited<ReturnType<CallRecorder["proxy"]>>;
  let recorded: string;
  let kept: NodeJS.ProcessEnv = {};
  let python = "";
  before(async function () {
    kept = { ...process.env };
    python = requirePython(this, "python");
    moto = await startMoto(requirePython(this, "moto_server"));
    p = await testApi(
      { jobs: { inlineBytes: 2_000 }, runners: { glue: { slots: 1, idleSeconds: 0 } } },
      motoCloud(moto),
    );
    recorder.watch(p.context.sqs, p.s3);
    secrets = await recorder.proxy("secretsmanager", moto.endpoint);
    recorded = mkdtempSync(join(tmpdir(), "rates-calls-"));
    Object.assign(process.env, { ...p.cloud.env, AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint });
  });
  after(async () => {
    for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
    Object.assign(process.env, kept);
    await p?.close();
    secrets?.server.close();
    secrets?.server.closeAllConnections();
    await moto?.stop();
    if (recorded !== undefined) rmSync(recorded, { recursive: true });
  });

  const send = (queue: string, body: string) =>
    p.context.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
  const put = async (Key: string, Body: string) =>
    (await p.s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body }))).ETag ?? "";
  /** A deleted queue. */
  const gone = (queue: string) => `${queue}-gone`;
  const read = (requestId: string) => ({ requestId, task: { type: "read", query: "price_export" } });
  const isName = (name: string) => (error: Error) => {
    assert.match(`${error.name}: ${error.message}`, new RegExp(name));
    return true;
  };

  describe("SQS", () => {
    it("accepts an invalid message as a dead letter, with its reason, and redrives it by its class", async () => {
      const { queues } = p.context;
      await handleRequests(p.context, sqsEvent("not json"));
      await send(queues.deadLetters, JSON.stringify(read("received-too-often")));
      const { redriven, kept } = await redrive(p.context.sqs, queues, p.context.settings, { dryRun: false, limit: 10 });
      assert.deepEqual({ redriven, kept }, { redriven: { ReceivedTooOften: 1 }, kept: { UnreadableMessage: 1 } });
      assert.deepEqual(
        (await p.receive(queues.requests)).map(({ Body }) => JSON.parse(Body ?? "").requestId),
        ["received-too-often"],
      );
      const [left] = await p.receive(queues.deadLetters);
      assert.equal(left?.MessageAttributes?.errorType?.StringValue, "UnreadableMessage");
    });

    it("has a message stay where its dead letter cannot be put, and says what is missing", async () => {
      const { queues } = p.context;
      const context = { ...p.context, queues: { ...queues, deadLetters: gone(queues.deadLetters) } };
      const event = sqsEvent("not json");
      const { batchItemFailures } = await handleRequests(context, event);
      assert.deepEqual(batchItemFailures, [{ itemIdentifier: event.Records[0]?.messageId }]);
      await assert.rejects(
        redrive(p.context.sqs, context.queues, p.context.settings, { dryRun: true, limit: 1 }),
        isName("QueueDoesNotExist|NonExistentQueue"),
      );
    });

    it("keeps a response due whose queue is not there, and sends the same once it is", async () => {
      const { queues } = p.context;
      await handleRequests(
        { ...p.context, queues: { ...queues, responses: gone(queues.responses) } },
        sqsEvent({ requestId: "due", task: {} }),
      );
      await p.admin.query("update jobs.responses set due_at = jobs.clock() where sent_at is null");
      const { rows } = await p.admin.query(
        "select body from jobs.responses where request_id = 'due' and sent_at is null",
      );
      assert.equal(await sendDueResponses(p.context), 1);
      assert.deepEqual(
        (await p.receive(queues.responses)).map(({ Body }) => Body),
        [rows[0].body],
      );
    });

    it("accepts a job over the API although no wake-up can be sent", async () => {
      const headers = await p.as("default");
      const { queues } = p.context;
      const { wakeups } = queues;
      const submit = (id: string) => p.app.inject({ method: "POST", url: "/jobs", headers, payload: read(id) });
      assert.equal((await submit("woken")).statusCode, 202);
      assert.equal((await p.receive(wakeups)).length, 1);
      queues.wakeups = gone(wakeups);
      assert.equal((await submit("not-woken")).statusCode, 202);
      queues.wakeups = wakeups;
    });
  });

  describe("S3", () => {
    const target = (Bucket: string) => ({ Bucket, Key: randomUUID(), ContentType: "text/csv" });
    const contentOf = async (source: S3Source) => {
      const rules = { hosts: [], maxBytes: 1_000 };
      let all = "";
      for await (const chunk of await openSource(source, "none", async () => p.s3, rules, new AbortController().signal))
        all += chunk;
      return all;
    };

    it("keeps a result of several parts, whole", async () => {
      const to = target("results");
      const upload = await MultipartUpload.begin(p.s3, to);
      const part = Buffer.alloc(6 * 1024 * 1024, "0123456789abcdef");
      await upload.write(part);
      await upload.write(part);
      await upload.finish();
      const { Body } = await p.s3.send(new GetObjectCommand({ Bucket: to.Bucket, Key: to.Key }));
      assert(Buffer.concat([part, part]).equals(Buffer.from((await Body?.transformToByteArray()) ?? [])));
    });

    it("leaves no object after an aborted upload, and reports an error of the job when S3 refuses", async () => {
      const to = target("results");
      const upload = await MultipartUpload.begin(p.s3, to);
      await upload.write(Buffer.from("a few bytes"));
      await upload.abort();
      await assert.rejects(p.s3.send(new GetObjectCommand({ Bucket: to.Bucket, Key: to.Key })), { name: "NoSuchKey" });
      const late = async () => {
        await upload.write(Buffer.alloc(5 * 1024 * 1024));
        await upload.finish();
      };
      await assert.rejects(late(), { code: "StorageUnavailable" });
      await assert.rejects(MultipartUpload.begin(p.s3, target("no-such-bucket")), {
        code: "StorageUnavailable",
        message: /NoSuchBucket/,
      });
    });

    it("loads what lay there when it was accepted, and nothing else", async () => {
      const etag = await put("batch.csv", "first");
      const source = { s3: "s3://uploads/batch.csv", etag };
      assert.equal(await contentOf(source), "first");
      await put("batch.csv", "second");
      await assert.rejects(contentOf(source), { code: "SourceChanged" });
      await assert.rejects(contentOf({ s3: "s3://uploads/none.csv" }), {
        code: "SourceNotFound",
        message: /NoSuchKey/,
      });
      await assert.rejects(contentOf({ s3: "s3://no-such-bucket/none.csv" }), { code: "SourceNotFound" });
    });

    it("loads the version that was accepted from a bucket with versions, whatever became of the object", async () => {
      const Bucket = "uploads";
      const headers = await p.as("default");
      const begun = await p.app.inject({
        method: "POST",
        url: "/uploads",
        headers,
        payload: { fileName: "versioned.csv", bytes: 5 },
      });
      const Key = begun.json().location.slice(`s3://${Bucket}/`.length);
      const settings = (Status: "Enabled" | "Suspended") =>
        p.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
      await settings("Enabled");
      try {
        await put(Key, "first");
        const task = { type: "update", target: "prices", source: { s3: `s3://${Bucket}/${Key}` } };
        await handleRequests(p.context, sqsEvent({ requestId: "versioned", task }));
        const { rows } = await p.admin.query(
          "select task -> 'source' as source from jobs.jobs where request_id = 'versioned'",
        );
        const [{ source }] = rows;
        assert.deepEqual(Object.keys(source).sort(), ["s3", "versionId"]);
        await put(Key, "second");
        assert.equal(await contentOf(source), "first");

        // A retry takes the object that is there now.
        const post = (url: string) => p.app.inject({ method: "POST", url, headers });
        assert.equal((await post("/jobs/versioned/cancel")).statusCode, 200);
        const retried = await post("/jobs/versioned/retry");
        assert.equal(retried.statusCode, 202, retried.body);
        const again = await p.admin.query(
          "select task -> 'source' as source from jobs.jobs where request_id = 'versioned.retry-1'",
        );
        assert.equal(await contentOf(again.rows[0].source), "second");

        await p.s3.send(new DeleteObjectCommand({ Bucket, Key }));
        assert.equal(await contentOf(source), "first");
        await p.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId: source.versionId }));
        await assert.rejects(contentOf(source), { code: "SourceNotFound", message: /NoSuchVersion/ });
      } finally {
        await settings("Suspended");
      }
    });

    it("pins a source as it is accepted, and answers SourceNotFound where there is none", async () => {
      const etag = await put("pinned.csv", "x");
      const update = (s3: string) => ({ type: "update", target: "prices", source: { s3 } });
      await handleRequests(
        p.context,
        sqsEvent(
          { requestId: "pinned", task: update("s3://uploads/pinned.csv") },
          { requestId: "missing", task: update("s3://uploads/missing.csv") },
        ),
      );
      const { rows } = await p.admin.query(
        "select task #>> '{source,etag}' as etag from jobs.jobs where request_id = 'pinned'",
      );
      assert.equal(rows[0].etag, etag);
      const [answer] = await p.receive(p.context.queues.responses);
      assert.equal(JSON.parse(answer?.Body ?? "").error.type, "SourceNotFound");
    });

    it("takes a file by presigned links, puts it together, or gives it up", async () => {
      const headers = await p.as("default");
      const begin = async () =>
        (
          await p.app.inject({ method: "POST", url: "/uploads", headers, payload: { fileName: "a.csv", bytes: 3 } })
        ).json();
      const complete = (id: string, etag: string) =>
        p.app.inject({
          method: "POST",
          url: `/uploads/${id}/complete`,
          headers,
          payload: { parts: [{ partNumber: 1, etag }] },
        });
      const first = await begin();
      const answer = await fetch(first.parts[0].url, { method: "PUT", body: "a,b" });
      assert.equal(answer.status, 200);
      const done = await complete(first.id, answer.headers.get("etag") ?? "");
      assert.equal(done.statusCode, 200, done.body);
      assert.equal(await contentOf({ s3: done.json().location }), "a,b");

      const second = await begin();
      const refused = await complete(second.id, '"0"');
      assert.deepEqual([refused.statusCode, refused.json().type], [400, "SourceNotFound"], refused.body);
      assert.match(refused.json().detail, /InvalidPart/);
      const giveUp = () => p.app.inject({ method: "DELETE", url: `/uploads/${second.id}`, headers });
      assert.equal((await giveUp()).statusCode, 204);
      assert.equal((await giveUp()).json().type, "SourceNotFound");
    });
  });

  describe("Secrets Manager", () => {
    const ROLES_STEP = { step: "roles", slots: { glue: 1, ec2: 1 } };
    const secret = async (value: string) => {
      const secrets = new SecretsManagerClient(moto);
      const { ARN = "" } = await secrets.send(new CreateSecretCommand({ Name: randomUUID(), SecretString: value }));
      secrets.destroy();
      process.env.MASTER_SECRET_ARN = ARN;
    };

    it("gives the migrations their master, whose password is in nothing they say", async () => {
      const database = await emptyDatabase();
      try {
        const { hostname, port, pathname, username, password } = new URL(database.url);
        Object.assign(process.env, { DATABASE_HOST: hostname, DATABASE_PORT: port, DATABASE_NAME: pathname.slice(1) });
        Object.assign(process.env, { DATABASE_AUTH: "password", DB_PASSWORD: "" });
        await secret(JSON.stringify({ username, password: decodeURIComponent(password) }));
        assert.deepEqual(await handler(ROLES_STEP), { created: [] }, "they are the cluster's");
      } finally {
        await database.drop();
      }
    });

    it("is reported when it has no login or is missing, without its contents", async () => {
      await secret('{"password":"hunter2"}');
      await assert.rejects(handler(ROLES_STEP), (error: Error) => {
        assert.match(error.message, /no username and password/);
        assert.doesNotMatch(String(error.stack), /hunter2/);
        return true;
      });
      process.env.MASTER_SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none-abcdef";
      await assert.rejects(handler(ROLES_STEP), { name: "ResourceNotFoundException" });
    });
  });

  describe("the Glue runner", () => {
    const start = async (run: string, catalog: string) => {
      const program = `${ROOT}runtime/runner/glue/runner.py`;
      const child = spawn(python, [program, "--run", run, "--runner", "glue", "--catalog", catalog], {
        env: {
          ...process.env,
          ...p.database.env,
          ...pythonRecorder(join(recorded, "glue")),
          RATES_SETTINGS: JSON.stringify(p.context.settings),
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      return { code, output: `${output}${errors}` };
    };

    it("takes its catalogue from S3, keeps a result of several parts there, and answers through SQS", async () => {
      await p.s3.send(new PutObjectCommand({ Bucket: "results", Key: "catalog.json", Body: glueCatalog() }));
      p.launcher.started.length = 0;
      await p.admin.query("truncate jobs.jobs cascade; update jobs.runs set state = 'ENDED'");
      const sql = "select n, repeat('abcdefghij', 5) as filler from generate_series(1, 130000) n";
      await handleRequests(p.context, sqsEvent({ requestId: "glue", task: { type: "read", sql } }));
      const [run = ""] = p.launcher.started;
      const { code, output } = await start(run, "s3://results/catalog.json");
      assert.equal(code, 0, output);
      // What the tests before this one received comes again after its visibility timeout.
      const answers = (await p.receive(p.context.queues.responses)).map(({ Body }) => JSON.parse(Body ?? ""));
      const { status, result } = answers.find(({ requestId }) => requestId === "glue");
      assert.deepEqual([status, result?.rows], ["SUCCEEDED", 130_000]);
      const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(result.location) ?? [];
      const { ContentLength } = await p.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      assert.equal(ContentLength, result.bytes);
    });

    it("ends with the reason where its catalogue is not there", async () => {
      const { code, output } = await start(randomUUID(), "s3://results/none.json");
      assert.notEqual(code, 0);
      assert.match(output, /404|NoSuchKey/);
    });
  });

  // A suite of its own, to come last.
  describe("all together", () => {
    it("are every call that the platform's code makes, but for the launchers'", () =>
      assert.deepEqual(
        [...commands()].filter((name) => !recorder.operations.has(name.replace(/Command$/, ""))),
        [],
      ));

    it("keep every constraint that AWS publishes, the Glue runner's too", function () {
      const python = requirePython(this, "models");
      const own = recorder.calls.length;
      recorder.readFile(join(recorded, "glue"));
      assert.ok(recorder.calls.length > own, "the Glue runner's calls were recorded");
      assert.deepEqual(judgeCalls(python, recorder.calls), []);
    });
  });
});

/** Queues and buckets in moto, in place of the platform's own stand-in. */
async function motoCloud({ endpoint, region, credentials }: Moto): Promise<Emulator> {
  const sqs = new SQSClient({ endpoint, region, credentials });
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const urls = new Map<string, string>();
  for (const QueueName of QUEUES)
    urls.set(QueueName, (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl ?? "");
  for (const Bucket of BUCKETS)
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
    );
  return {
    endpoint,
    region,
    port: Number(new URL(endpoint).port),
    credentials: { ...credentials, profile: "moto", senderId: "moto" },
    addPrincipal: () => assert.fail("moto knows no principals"),
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
    },
    createQueue: (name) => urls.get(name) ?? assert.fail(name),
    createBucket: () => undefined,
    async stop() {
      for (const QueueUrl of urls.values()) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
      sqs.destroy();
      s3.destroy();
    },
  };
}
