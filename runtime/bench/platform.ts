import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import pg from "pg";
import { readPlatformCredentials } from "../local/aws/principals.ts";
import { localPlan } from "../local/plan.ts";
import { type Platform, startPlatform } from "../local/platform.ts";
import { freePort } from "../local/ports.ts";

/** The whole platform in its own directory, as `npm start` runs it; only `idleSeconds` is changed for measuring. */
export interface BenchPlatform {
  file: Platform["file"];
  admin: pg.Client;
  sqs: SQSClient;
  s3: S3Client;
  directory: string;
  /** Sends requests to the queue; resolves with their parsed responses once all have arrived. */
  run(requests: readonly object[], progress?: Progress): Promise<Response[]>;
  stop(): Promise<void>;
}

/** Callbacks of a benchmark. */
export interface Progress {
  /** Called after the last request was sent. */
  onSent(): void;
  /** Called for each response that arrives. */
  onResponse(): void;
}

/** Fields of a response that benchmarks use. */
export interface Response {
  requestId: string;
  status: string;
  error?: { message: string };
  stats: {
    queueMs: number;
    executionMs: number;
    totalMs: number;
    rows: number;
    bytes: number;
    peakMemoryBytes: number;
  };
}

/** Number of callers that send requests at the same time. */
const SENDERS = 8;

/**
 * Starts a platform for benchmarks.
 * @param idleSeconds - Seconds that a run stays warm; 0 to start a new process for each job.
 */
export async function benchPlatform(idleSeconds: number): Promise<BenchPlatform> {
  const directory = mkdtempSync(join(tmpdir(), "rates-bench-"));
  const plan = localPlan("dev");
  const { glue, ec2 } = plan.settings.runners ?? {};
  const runners = { glue: { ...glue, idleSeconds }, ec2: { ...ec2, idleSeconds } };
  const settings = { ...plan.settings, runners } as typeof plan.settings;
  const stopping = new AbortController();
  const platform = await startPlatform({
    dataDir: directory,
    port: await freePort(),
    plan: { ...plan, settings },
    print: () => undefined,
    signal: stopping.signal,
  });
  platform.failed.catch(() => undefined);
  const { file } = platform;
  const client = { region: file.region, credentials: readPlatformCredentials(directory) };
  const sqs = new SQSClient({ ...client, endpoint: file.sqsEndpoint });
  const s3 = new S3Client({ ...client, endpoint: file.s3Endpoint, forcePathStyle: true });
  const admin = new pg.Client(file.databaseUrl);
  admin.on("error", () => undefined);
  await admin.connect();
  return {
    file,
    admin,
    sqs,
    s3,
    directory,
    async run(requests, progress) {
      const received = collect(sqs, file.responseQueueUrl, requests.length, progress?.onResponse);
      const batches = Array.from({ length: Math.ceil(requests.length / 10) }, (_, index) =>
        requests.slice(index * 10, index * 10 + 10),
      ).values();
      // Several callers send in parallel, so that the rate is not limited by the time that the queue takes to store one
      // caller's batch.
      await Promise.all(
        Array.from({ length: SENDERS }, async () => {
          for (const batch of batches)
            await sqs.send(
              new SendMessageBatchCommand({
                QueueUrl: file.requestQueueUrl,
                Entries: batch.map((request, index) => ({ Id: String(index), MessageBody: JSON.stringify(request) })),
              }),
            );
        }),
      );
      progress?.onSent();
      const responses = (await received).map((message) => JSON.parse(message.Body ?? "") as Response);
      const failed = responses.find((response) => response.status !== "SUCCEEDED");
      if (failed) throw new Error(`${failed.requestId}: ${failed.error?.message ?? failed.status}`);
      return responses;
    },
    async stop() {
      await admin.end();
      sqs.destroy();
      s3.destroy();
      await platform.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Receives and deletes `count` messages of a queue. */
async function collect(
  sqs: SQSClient,
  queue: string,
  count: number,
  onMessage: () => void = () => undefined,
): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
    );
    if (Messages.length === 0) continue;
    messages.push(...Messages);
    for (const _message of Messages) onMessage();
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queue,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
  return messages;
}

let requestCount = 0;
/** Creates a request with a unique id. */
export const request = (task: object): object => ({
  requestId: `bench-${process.pid}-${++requestCount}`,
  task,
  timeoutSeconds: 3600,
});

/** Runs a shell command, such as `psql … | gzip -1`, and returns its duration in seconds. */
export function shellSeconds(command: string): number {
  const begun = performance.now();
  execFileSync("bash", ["-c", `set -o pipefail; ${command}`], { stdio: ["ignore", "ignore", "pipe"] });
  return (performance.now() - begun) / 1000;
}

/** Returns a message that names the missing programs and how to install them; undefined if all are installed. */
export function missingPrograms(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => {
    try {
      execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} not found: apt-get install postgresql-client postgresql-contrib`;
}
