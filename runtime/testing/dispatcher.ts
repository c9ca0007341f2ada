import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import pg from "pg";
import { pino } from "pino";
import type { DispatcherDeps } from "../dispatcher/deps.ts";
import type { ActiveRun, Launcher, LaunchOptions, RunStatus } from "../dispatcher/launcher.ts";
import type { Emulator } from "../local/emulator.ts";
import { S3_OPTIONS } from "../platform/aws.ts";
import { readSettings, type Settings } from "../platform/settings.ts";
import { planningPool } from "../queries/explain.ts";
import { trackingStore } from "../tracking/index.ts";
import { testCloud } from "./cluster.ts";
import { jobDatabase } from "./jobs.ts";

/** A fake launcher that records its calls; tests choose its results. */
export class FakeLauncher implements Launcher {
  readonly started: string[] = [];
  /** Started runs that were requested with more memory. */
  readonly larger: string[] = [];
  readonly stopped: string[] = [];
  statuses = new Map<string, RunStatus>();
  readonly activeRuns: ActiveRun[] = [];
  failure: Error | undefined;

  async start(
    run: string,
    _runner: string,
    { assertBeforeDeadline, larger = false }: LaunchOptions = {},
  ): Promise<string> {
    if (this.failure) throw this.failure;
    assertBeforeDeadline?.();
    this.started.push(run);
    if (larger) this.larger.push(run);
    return `external-${run}`;
  }
  async status(run: string): Promise<RunStatus> {
    return this.statuses.get(run) ?? "ALIVE";
  }
  async stop(run: string): Promise<void> {
    this.stopped.push(run);
  }
  async listActive(): Promise<ActiveRun[]> {
    return this.activeRuns;
  }
}

/**
 * Creates a dispatcher with its own database, queues and buckets, and a launcher that starts nothing.
 * @param emulator - Emulator of SQS and S3; by default a new one.
 */
export async function testDispatcher(settings: object = {}, emulator: Promise<Emulator> = testCloud()) {
  const [fixture, cloud] = await Promise.all([jobDatabase(), emulator]);
  Object.assign(process.env, fixture.database.env);
  const queues: NonNullable<Settings["queues"]> = {
    requests: cloud.createQueue("requests"),
    wakeups: cloud.createQueue("wakeups"),
    deadLetters: cloud.createQueue("dead-letters"),
    responses: cloud.createQueue("responses"),
    tenants: { acme: cloud.createQueue("responses-acme") },
  };
  const buckets = { results: "results", uploads: "uploads" };
  for (const bucket of Object.values(buckets)) cloud.createBucket(bucket);
  const { credentials } = cloud;
  const sqs = new SQSClient({ endpoint: cloud.endpoint, region: cloud.region, credentials });
  const s3 = new S3Client({
    ...S3_OPTIONS,
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials,
    forcePathStyle: true,
  });
  const db = new pg.Pool({ connectionString: fixture.database.urlAs("dispatcher"), max: 4 });
  db.on("error", () => undefined);
  const plans = planningPool(1, { connectionString: fixture.database.urlAs("job_reader_plan") });
  const launcher = new FakeLauncher();
  const context: DispatcherDeps = {
    db,
    plans,
    sqs,
    s3: async () => s3,
    queues,
    settings: readSettings({ RATES_SETTINGS: JSON.stringify({ queues, buckets, pathStyleS3: true, ...settings }) }),
    launchers: { glue: launcher, ec2: launcher },
    tracking: trackingStore({}, db),
    traceHeaders: async () => ({}),
    log: pino({ level: "silent" }),
    now: () => performance.now(),
    sleep: setTimeout,
  };
  return {
    ...fixture,
    cloud,
    context,
    s3,
    launcher,
    /** Receives all messages of a queue. */
    async receive(queue: string): Promise<Message[]> {
      const messages: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
        );
        if (Messages.length === 0) return messages;
        messages.push(...Messages);
      }
    },
    async close() {
      await Promise.all([db.end(), plans.end()]);
      sqs.destroy();
      s3.destroy();
      await Promise.all([fixture.close(), cloud.stop()]);
    },
  };
}

/** Creates an event as SQS passes it to Lambda; bodies other than strings are converted to JSON. */
export const sqsEvent = (...bodies: unknown[]): SQSEvent => ({
  Records: bodies.map((body) => ({
    messageId: randomUUID(),
    receiptHandle: "handle",
    body: typeof body === "string" ? body : JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "0",
      SenderId: "test",
      ApproximateFirstReceiveTimestamp: "0",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:requests",
    awsRegion: "eu-west-1",
  })),
});
