import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { untilAborted } from "../contract/untilAborted.ts";
import { HEADERS_VARIABLE } from "../dispatcher/traces/headers.ts";
import { readerSlots } from "../platform/postgres.ts";
import { type Child, startChild } from "./child.ts";
import { type Example, exampleLane, prepareDatabase } from "./database.ts";
import { startEmulator } from "./emulator.ts";
import { componentEnvironment, DATABASE } from "./environment.ts";
import { type LocalPlan, localSettings } from "./plan.ts";
import { type PlatformFile, removePlatformFile, writePlatformFile } from "./platformFile.ts";
import { startPostgres } from "./postgres.ts";
import { stopLeftovers } from "./postmaster.ts";
import { ensureBuckets, ensureQueues } from "./queues.ts";
import { pruneLogs } from "./runnerLogs.ts";
import { savedPorts } from "./savedPorts.ts";
import { localToken } from "./token.ts";
import { reindexIfStoreChanged, trackingProblem } from "./trackingStore.ts";

const HOST = "127.0.0.1";
/** Time limit for the API to respond after its start. */
const API_START_MS = 30_000;
/** Time limit for running jobs to end when the platform stops. */
const DRAIN_SECONDS = 60;
/** Time limit for the API to finish its requests, including event streams. */
const API_STOP_MS = 5_000;
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
  /** Stops the dispatcher, which lets running jobs finish, then the API, Postgres and the emulator. */
  stop(): Promise<void>;
}

/** Options of {@link startPlatform}. */
export interface PlatformOptions {
  /** Data directory, whose lock the caller holds. */
  dataDir: string;
  /** Free TCP port for the API. */
  port: number;
  dump?: string;
  /** URL of an OpenSearch for tracking documents. @default Postgres */
  tracking?: string;
  /** OTLP/HTTP endpoint to which traces are exported. */
  traces?: string;
  /** Headers of these exports. Only the dispatcher's environment has them. */
  traceHeaders?: string;
  plan: LocalPlan;
  /** Called with a line of text about slow steps, problems and restarted components. */
  print(line: string): void;
  /** Aborted to stop the platform before it is complete. */
  signal: AbortSignal;
  /** Aborted to end the API and the runs at once while the platform stops, also if its start was not complete. */
  forceSignal?: AbortSignal;
}

/** Starts every component and resolves when all respond. If one fails to start, the others are stopped. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    const problems: unknown[] = [];
    // A component that fails to stop must not leave the others running.
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop())
      await stop().catch((error) => problems.push(error));
    if (problems.length > 0) throw problems[0];
  };
  try {
    return await start(options, stops, stopAll);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function start(
  { dataDir, port, dump, tracking, traces, traceHeaders, plan, print, signal, forceSignal }: PlatformOptions,
  stops: (() => Promise<void>)[],
  stopAll: () => Promise<void>,
): Promise<Platform> {
  const logs = join(dataDir, "logs");
  const cluster = join(dataDir, "postgres");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  pruneLogs(logs);
  removePlatformFile(dataDir);
  // Before ports are chosen: a server that a killed platform left running would block its port.
  await stopLeftovers(join(cluster, "data"));
  const ports = await savedPorts(dataDir);

  const starting = [
    startEmulator({ port: ports.aws, directory: join(dataDir, "aws") }),
    // The last one stops first: an aborted start must not complete the database.
    startPostgres({
      directory: cluster,
      logFile: join(logs, "postgres.log"),
      port: ports.postgres,
      maxConnections: plan.maxConnections,
    }),
  ] as const;
  // If either fails, the other is stopped once it has started.
  for (const component of starting)
    stops.push(() =>
      component.then(
        (running) => running.stop(),
        () => undefined,
      ),
    );
  const [emulator, postgres] = await Promise.all(starting);
  signal.throwIfAborted();
  const { runners, settings: stackSettings } = plan;
  const slots = readerSlots(stackSettings.jobs.rawSql, { glue: runners.glue.local, ec2: runners.ec2.local });
  const preparing = prepareDatabase(postgres, { ...(dump === undefined ? {} : { dump }), slots, print });
  // Loading a dump may take minutes. Stopping Postgres ends it, and the next start loads the dump again.
  await untilAborted(preparing, signal);
  await reindexIfStoreChanged(dataDir, tracking, postgres.url(DATABASE));
  const problem = tracking === undefined ? undefined : await trackingProblem(tracking);
  if (problem !== undefined) print(problem);
  signal.throwIfAborted();

  const queues = ensureQueues(emulator, plan.tenants);
  const buckets = ensureBuckets(emulator);
  const settings = {
    ...localSettings(plan, platformName(dataDir), queues, buckets),
    ...(tracking === undefined ? {} : { tracking: { endpoint: tracking } }),
    ...(traces === undefined ? {} : { traces: { endpoint: traces, environment: "local" } }),
  };
  const env = componentEnvironment({ postgres, emulator, dataDir, settings });
  const token = await localToken(dataDir, postgres.url(DATABASE));
  const api = startChild({
    name: "API",
    args: ["--import", program("exitWithParent.ts"), program("../api/main.ts")],
    env: { ...env, HOST, PORT: String(port) },
    logFile: join(logs, "api.log"),
    stopTimeoutMs: API_STOP_MS,
    print,
  });
  stops.push(() => api.stop());
  onAbort(forceSignal, () => api.forceStop());
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
  stops.push(() => dispatcher.stop());
  onAbort(forceSignal, () => dispatcher.forceStop());

  const base = `http://${HOST}:${port}`;
  const [example] = await Promise.all([
    exampleLane(postgres),
    waitForApi(base, api, signal),
    Promise.race([dispatcher.ready, dispatcher.failed]),
  ]);
  signal.throwIfAborted();
  const file: PlatformFile = {
    api: base,
    token,
    sqsEndpoint: emulator.endpoint,
    s3Endpoint: emulator.endpoint,
    region: emulator.region,
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
  stops.push(async () => removePlatformFile(dataDir));

  const postgresEnded = postgres.ended.then(() => {
    throw new Error(`Postgres ended unexpectedly. Its log: ${join(logs, "postgres.log")}`);
  });
  return {
    file,
    example,
    signIn: { link, minutes: stackSettings.api.signIn.linkMinutes },
    failed: Promise.race([api.failed, dispatcher.failed, postgresEnded]),
    stop: stopAll,
  };
}

/** Calls a function when the signal is aborted, or now if it has been. */
function onAbort(signal: AbortSignal | undefined, callback: () => void): void {
  if (signal?.aborted) callback();
  else signal?.addEventListener("abort", callback, { once: true });
}

/** Returns the name of the platform of a data directory: stable across starts, and unique per directory. */
const platformName = (dataDir: string): string =>
  `local-${createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12)}`;

/** Creates a link to the dashboard that signs in once, with the permissions of the local token. */
async function signInLink(base: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${base}/session-links`, { method: "POST", headers });
  if (!response.ok) throw new Error(`The API returned ${response.status} to POST /session-links.`);
  const { path } = (await response.json()) as { path: string };
  return `${base}${path}`;
}

/** Resolves when the API responds to /rates. */
async function waitForApi(base: string, api: Child, signal: AbortSignal): Promise<void> {
  const probe = `${base}/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=XXXXX&dest_code=XXXXX`;
  const poll = async () => {
    for (const deadline = Date.now() + API_START_MS; Date.now() < deadline; await delay(25)) {
      signal.throwIfAborted();
      // Another program on this port may accept the connection and never respond.
      const patience = AbortSignal.any([signal, AbortSignal.timeout(1_000)]);
      const response = await fetch(probe, { signal: patience }).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) return;
    }
    throw new Error(`The API did not respond to ${probe} within ${API_START_MS / 1000} s.`);
  };
  await Promise.race([poll(), api.failed]);
}
