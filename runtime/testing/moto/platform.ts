import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, DeleteQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Emulator } from "../../local/emulator.ts";
import { testApi } from "../api/api.ts";
import { CallRecorder } from "../models/calls.ts";
import { requirePython } from "../python/python.ts";
import { type Moto, startMoto } from "./server.ts";

const QUEUES = ["requests", "wakeups", "dead-letters", "responses", "responses-acme"];
const BUCKETS = ["results", "uploads"];

/** A platform whose queues, buckets and secrets are moto's, and whose calls are recorded. */
export interface MotoPlatform {
  readonly moto: Moto;
  readonly api: Awaited<ReturnType<typeof testApi>>;
  readonly recorder: CallRecorder;
  /** Folder of the Glue runner's recorded calls. */
  readonly recordedCalls: string;
  /** The Glue runner's Python. */
  readonly python: string;
  stop(): Promise<void>;
}

/** Starts moto and the platform for a suite. Until `stop`, the process has the platform's environment variables. */
export async function startMotoPlatform(context: Mocha.Context): Promise<MotoPlatform> {
  const environment = { ...process.env };
  const python = requirePython(context, "python");
  const moto = await startMoto(requirePython(context, "moto_server"));
  const api = await testApi(
    { jobs: { inlineBytes: 2_000 }, runners: { glue: { slots: 1, idleSeconds: 0 } } },
    motoCloud(moto),
  );
  const recorder = new CallRecorder();
  recorder.watch(api.context.sqs, api.s3);
  const secrets = await recorder.proxy("secretsmanager", moto.endpoint);
  const recordedCalls = mkdtempSync(join(tmpdir(), "rates-calls-"));
  Object.assign(process.env, { ...api.cloud.env, AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint });
  return {
    moto,
    api,
    recorder,
    recordedCalls,
    python,
    async stop() {
      for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
      Object.assign(process.env, environment);
      await api.close();
      secrets.server.close();
      secrets.server.closeAllConnections();
      await moto.stop();
      rmSync(recordedCalls, { recursive: true });
    },
  };
}

/** Creates queues and buckets in moto, in place of the platform's own emulator. */
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
    addPrincipal: () => assert.fail("moto has no principals"),
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
