import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { createDispatcher } from "../dispatcher/dispatcher.ts";
import { HEADERS_VARIABLE } from "../dispatcher/traces/headers.ts";
import { runEnded } from "../store/runs.ts";
import { startEventSource } from "./eventSource.ts";
import { localLauncher } from "./launcher.ts";
import { identify, signal } from "./processes.ts";

/** Pause between ticks. In AWS the schedule runs once per minute; locally a tick costs almost nothing. */
const TICK_MS = 2_000;

/**
 * The dispatcher's process on one machine. It calls the Lambda handlers as AWS does: from two event source mappings, a
 * schedule, and events about ended runs. SIGTERM drains: the process receives no further message, starts no run, and
 * lets each run finish its job within --drain-seconds. The message `forceStop` kills the runs. When the platform's own
 * process is gone, the runs and the Postgres server end.
 *
 * node runtime/local/dispatcherHost.ts --requests N --wakeups N --logs DIR --drain-seconds N --postgres-pid N
 * (`--requests` and `--wakeups`: maximum concurrent invocations)
 */
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "2" },
    wakeups: { type: "string", default: "2" },
    logs: { type: "string", default: "." },
    "drain-seconds": { type: "string", default: "30" },
    "postgres-pid": { type: "string", default: "0" },
  },
});
const postgres = identify(Number(values["postgres-pid"]));
const launcher = localLauncher({
  program: ["--expose-gc", fileURLToPath(new URL("../runner/main.ts", import.meta.url))],
  logDirectory: values.logs,
  onEnded: (run, outcome) => void track(onRunEnded(run, outcome)),
});
const launchers = () => ({ glue: launcher, ec2: launcher });
const log = pino({ base: { part: "dispatcher" } });
// Requests have a dispatcher, and connections, of their own, so that nothing else waits behind them. In AWS, each
// concurrent invocation has its own.
const requests = createDispatcher(launchers, log);
const events = createDispatcher(launchers, log);
// Runners inherit the environment, and must not have the collector's key. Both dispatchers have read it.
delete process.env[HEADERS_VARIABLE];
const { queues } = requests.context;
const stopping = new AbortController();
const stopped = once(stopping.signal, "abort");
const pending = new Set<Promise<void>>();

process.on("disconnect", () => {
  // The platform was killed. The runs detect it themselves; Postgres must be stopped here.
  if (postgres !== undefined) signal(postgres, "SIGINT");
  process.exit(1);
});
process.on("SIGTERM", () => stopping.abort());
process.on("message", (message) => {
  if (message !== "forceStop") return;
  stopping.abort();
  void launcher.kill();
});

const region = process.env.AWS_REGION ?? "";
const mappings = [
  {
    context: requests.context,
    queueUrl: queues.requests,
    handler: requests.requests,
    concurrency: Number(values.requests),
  },
  { context: events.context, queueUrl: queues.wakeups, handler: events.wakeups, concurrency: Number(values.wakeups) },
].map(({ context, ...mapping }) => startEventSource({ sqs: context.sqs, region, log, ...mapping }));
const schedule = tickUntilStopped();
process.send?.("ready");
await stopped;

// From now on, no more work is taken; it stays in the queues and the database.
const drained = launcher.drain(Number(values["drain-seconds"]) * 1000);
await Promise.all([...mappings.map((mapping) => mapping.stop()), schedule, drained]);
await Promise.all(pending);
await Promise.all([requests.close(), events.close()]);
process.exit(0);

async function tickUntilStopped(): Promise<void> {
  while (!stopping.signal.aborted) {
    await events.tick().catch((error: unknown) => log.error({ error: String(error) }, "a tick failed"));
    await Promise.race([delay(TICK_MS), stopped]);
  }
}

/** Handles the end of a run: frees its slot and starts the next run; while draining, only frees the slot. */
async function onRunEnded(run: string, outcome: string): Promise<void> {
  try {
    if (stopping.signal.aborted) await runEnded(events.context.db, run, outcome);
    else await events.runEnded({ run, outcome });
  } catch (error) {
    // The next tick detects that the process is gone.
    log.error({ run, error: String(error) }, "the end of a run could not be recorded");
  }
}

async function track(work: Promise<void>): Promise<void> {
  pending.add(work);
  await work;
  pending.delete(work);
}
