import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HEADERS_VARIABLE } from "../dispatcher/traces/headers.ts";
import { readerSlots } from "../platform/postgres.ts";
import { type Child, startChild } from "./child.ts";
import { type Example, exampleLane, prepareDatabase } from "./database.ts";
import { startEmulator } from "./emulator.ts";
import { DATABASE, partEnvironment } from "./environment.ts";
import { type LocalPlan, localSettings } from "./plan.ts";
import { type PlatformFile, removePlatformFile, writePlatformFile } from "./platformFile.ts";
import { startPostgres } from "./postgres.ts";
import { stopLeftovers } from "./postmaster.ts";
import { ensureBuckets, ensureQueues } from "./queues.ts";
import { pruneLogs } from "./runnerLogs.ts";
import { savedPorts } from "./savedPorts.ts";
import { localToken } from "./token.ts";
import { followTracking, trackingProblem } from "./trackingStore.ts";

const HOST = "127.0.0.1";
/** Time limit for the API to respond after its start. */
const ANSWER_MS = 30_000;
/** Time limit for running jobs to end after the stop. */
const DRAIN_SECONDS = 60;
/** Time limit for the API to finish its requests, including event streams. */
const CLOSE_MS = 5_000;
/** Additional time for the dispatcher to end after the jobs. */
const DISPATCHER_EXTRA_MS = 10_000;

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A running platform whose components all respond. */
export interface Platform {
  file: PlatformFile;
  /** A lane and days with prices, for an example request. */
  example: Example | undefined;
  /** A link to the dashboard that signs in once, and the minutes for which it is valid. */
  signIn: { link: string; minutes: number };
  /** Rejects when a component fails permanently; never resolves. */
  failed: Promise<never>;
  /** Stops it in order: new work, running jobs, servers, database. */
  stop(): Promise<void>;
  /** Kills running jobs, now or when `stop` is called. */
  forceStop(): void;
}

/** Options: a data directory whose lock the caller holds, a free port, and a plan for this machine. */
export interface PlatformOptions {
  dataDir: string;
  port: number;
  dump?: string;
  /** URL of an OpenSearch for tracking documents. @default Postgres */
  tracking?: string;
  /** OTLP/HTTP endpoint to which traces are exported. */
  traces?: string;
  /** Headers of these exports, for the dispatcher's environment only. */
  traceHeaders?: string;
  plan: LocalPlan;
  /** Called with a line of text about slow steps and repaired problems. */
  print(line: string): void;
  /** Aborted to stop the platform before it is complete. */
  signal: AbortSignal;
}

/** Starts every component and resolves when all respond. If one fails to start, the others are stopped. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const started: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    const problems: unknown[] = [];
    // A part that fails to stop must not leave the others running.
    for (let stop = started.pop(); stop !== undefined; stop = started.pop())
      await stop().catch((error) => problems.push(error));
    if (problems.length > 0) throw problems[0];
  };
  try {
    return await start(options, started, stopAll);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function start(
  { dataDir, port, dump, tracking, traces, traceHeaders, plan, print, signal }: PlatformOptions,
  started: (() => Promise<void>)[],
  stopAll: () => Promise<void>,
): Promise<Platform> {
  const logs = join(dataDir, "logs");
  const cluster = join(dataDir, "postgres");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  pruneLogs(logs);
  removePlatformFile(dataDir);
  // Before ports are chosen: a leftover server of a killed platform would block its own port.
  await stopLeftovers(join(cluster, "data"));
  const ports = await savedPorts(dataDir);

  const starting = [
    startPostgres({
      directory: cluster,
      logFile: join(logs, "postgres.log"),
      port: ports.postgres,
      maxConnections: plan.maxConnections,
    }),
    startEmulator({ port: ports.aws, directory: join(dataDir, "aws") }),
  ] as const;
  // If one fails, the other is stopped once it has started.
  for (const part of starting)
    started.push(() =>
      part.then(
        (one) => one.stop(),
        () => undefined,
      ),
    );
  const [postgres, cloud] = await Promise.all(starting);
  signal.throwIfAborted();
  const { runners, settings: chosen } = plan;
  const slots = readerSlots(chosen.jobs.rawSql, { glue: runners.glue.local, ec2: runners.ec2.local });
  await prepareDatabase(postgres, { ...(dump === undefined ? {} : { dump }), slots, print });
  await followTracking(dataDir, tracking, postgres.url(DATABASE));
  const problem = tracking === undefined ? undefined : await trackingProblem(tracking);
  if (problem !== undefined) print(problem);
  signal.throwIfAborted();

  const queues = ensureQueues(cloud, plan.tenants);
  const buckets = ensureBuckets(cloud);
  const settings = {
    ...localSettings(plan, platformName(dataDir), queues, buckets),
    ...(tracking === undefined ? {} : { tracking: { endpoint: tracking } }),
    ...(traces === undefined ? {} : { traces: { endpoint: traces, environment: "local" } }),
  };
  const env = partEnvironment({ postgres, cloud, dataDir, settings });
  const token = await localToken(dataDir, postgres.url(DATABASE));
  const api = startChild({
    name: "API",
    args: ["--import", program("exitWithParent.ts"), program("../api/main.ts")],
    env: { ...env, HOST, PORT: String(port) },
    logFile: join(logs, "api.log"),
    stopTimeoutMs: CLOSE_MS,
    print,
  });
  started.push(() => api.stop());
  const dispatcher = startChild({
    name: "dispatcher",
    args: [
      program("dispatcherHost.ts"),
      ...[
        "--requests",
        String(plan.dispatchers.requests),
        "--wakeups",
        String(plan.dispatchers.wakeups),
        "--logs",
        logs,
      ],
      ...["--drain-seconds", String(DRAIN_SECONDS), "--postgres-pid", String(postgres.pid)],
    ],
    env: { ...env, ...(traceHeaders === undefined ? {} : { [HEADERS_VARIABLE]: traceHeaders }) },
    logFile: join(logs, "dispatcher.log"),
    stopTimeoutMs: DRAIN_SECONDS * 1000 + DISPATCHER_EXTRA_MS,
    print,
  });
  started.push(() => dispatcher.stop());

  const base = `http://${HOST}:${port}`;
  const [example] = await Promise.all([
    exampleLane(postgres),
    answers(base, api, signal),
    Promise.race([dispatcher.ready, dispatcher.failed]),
  ]);
  signal.throwIfAborted();
  const file: PlatformFile = {
    api: base,
    token,
    sqsEndpoint: cloud.endpoint,
    s3Endpoint: cloud.endpoint,
    region: cloud.region,
    requestQueueUrl: queues.requests,
    responseQueueUrl: queues.responses,
    deadLetterQueueUrl: queues.deadLetters,
    resultsBucket: buckets.results,
    uploadsBucket: buckets.uploads,
    databaseUrl: postgres.url(DATABASE),
    dashboard: `${base}/dashboard`,
    stack: plan.stack,
  };
  const link = await signInLink(base, token);
  writePlatformFile(dataDir, file);
  started.push(async () => removePlatformFile(dataDir));

  const postgresEnded = postgres.ended.then(() => {
    throw new Error(`Postgres ended unexpectedly. Its log: ${join(logs, "postgres.log")}`);
  });
  return {
    file,
    example,
    signIn: { link, minutes: chosen.api.signIn.linkMinutes },
    failed: Promise.race([api.failed, dispatcher.failed, postgresEnded]),
    stop: stopAll,
    forceStop() {
      api.forceStop();
      dispatcher.forceStop();
    },
  };
}

/** Returns the name of the platform of a data directory: stable across starts, and unique per directory. */
const platformName = (dataDir: string): string =>
  `local-${createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12)}`;

/** Creates a link to the dashboard that signs in once, with the permissions of the local token. */
async function signInLink(base: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${base}/session-links`, { method: "POST", headers });
  if (!response.ok) throw new Error(`The API answered ${response.status} to POST /session-links.`);
  const { path } = (await response.json()) as { path: string };
  return `${base}${path}`;
}

/** Resolves when the API responds to /rates. */
async function answers(base: string, api: Child, signal: AbortSignal): Promise<void> {
  const probe = `${base}/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=XXXXX&dest_code=XXXXX`;
  const asking = async () => {
    for (const deadline = Date.now() + ANSWER_MS; Date.now() < deadline; await delay(25)) {
      signal.throwIfAborted();
      const response = await fetch(probe).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) return;
    }
    throw new Error(`The API did not answer ${probe} within ${ANSWER_MS / 1000} s.`);
  };
  await Promise.race([asking(), api.failed]);
}
