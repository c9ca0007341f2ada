import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import type { RunnerKind } from "../contract/states.ts";
import { readerRole } from "../platform/postgres.ts";
import { type Queues, sendResponse } from "../requests/responses.ts";
import { type ClaimedJob, claim, type DueResponse, drain, isDue, retire, runStarted } from "../store/jobs.ts";
import { step } from "./crashPoints.ts";
import { type Bench, doJob, roleFor } from "./job.ts";
import type { Keeper } from "./keeper.ts";
import { memoryOfRun } from "./memory.ts";

/** How often a run without work looks again although nobody called, at least; also its sign of life, so three a lease. */
const POLL_MS = 2_000;

/** One run: what a Glue run, an EC2 instance or a local process does from its start to its end. */
export interface RunOptions {
  kind: RunnerKind;
  client: pg.Client;
  bench: Omit<Bench, "reader">;
  sqs: SQSClient;
  queues: Queues;
  logLocation: string | undefined;
  /** Aborted when the run has to take no further job. */
  draining: AbortSignal;
}

/**
 * Claims jobs and does them one after the other until none has waited for the idle time, its lifetime is up, or it is
 * told to drain. Answers how many jobs it did.
 */
export async function run(options: RunOptions): Promise<number> {
  const { kind, client, sqs, queues, logLocation, draining } = options;
  const { run: id, settings } = options.bench;
  const { idleSeconds, lifetimeSeconds } = settings.runners[kind];
  const poll = Math.min(POLL_MS, (settings.jobs.leaseSeconds * 1000) / 3);
  const bell = new Bell(client);
  let keeper: Keeper | undefined;
  client.on("notification", ({ channel }) => {
    if (channel === `jobs_run_${id}`) keeper?.listen();
    else bell.ring();
  });
  draining.addEventListener("abort", () => bell.ring(), { once: true });
  await client.query(`listen jobs_waiting_${kind}; listen "jobs_run_${id}"`);
  const slot = await runStarted(client, id, memoryOfRun());
  if (slot === undefined) return 0;
  // Callers' own SQL runs as a role of the slot, so that it sees and signals no other run's session.
  const bench: Bench = { ...options.bench, reader: settings.jobs.rawSql ? readerRole(kind, slot) : "job_reader" };

  const sending = new Set<Promise<void>>();
  const end = Date.now() + lifetimeSeconds * 1000;
  let done = 0;
  let idleSince = Date.now();
  try {
    while (!draining.aborted && Date.now() < end) {
      bell.reset();
      const session = await bench.sessions.get(roleFor(bench, kind === "ec2" ? "update" : "read"));
      const job = await nextJob(bench, session.backend, logLocation);
      if (job === "ended") break;
      if (job) {
        const response = await doJob(bench, job, session, (made) => {
          keeper = made;
        });
        keeper = undefined;
        done++;
        idleSince = Date.now();
        if (response && isDue(response)) {
          // The next job does not wait for the queue; the run's end waits for both.
          const sent = send(sqs, queues, bench, job, response);
          sending.add(sent);
          sent.finally(() => sending.delete(sent));
        }
        continue;
      }
      const left = idleSince + idleSeconds * 1000 - Date.now();
      if (left > 0) await bell.wait(Math.min(left, poll));
      else if (await retire(client, bench.run)) break;
    }
    if (draining.aborted || Date.now() >= end) await drain(client, bench.run);
  } finally {
    // Also where the database is gone: what was committed is answered.
    await Promise.all(sending);
  }
  return done;
}

/** "ended": the store no longer knows this run as a running one. */
async function nextJob(
  bench: Bench,
  backend: { pid: number; start: string },
  logLocation: string | undefined,
): Promise<ClaimedJob | "ended" | undefined> {
  try {
    return await claim(bench.db, bench.run, backend, logLocation);
  } catch (error) {
    if ((error as { code?: string }).code === "P0002") return "ended";
    throw error;
  }
}

/** A response that cannot be sent now stays due: the dispatcher's sweep sends it. */
async function send(
  sqs: SQSClient,
  queues: Queues,
  bench: Bench,
  job: ClaimedJob,
  response: DueResponse,
): Promise<void> {
  step("outbox", job);
  try {
    await sendResponse(sqs, queues, bench.db, response, () => step("send", job));
    bench.log.info({ job: job.id, requestId: job.requestId, status: response.status }, "answered");
  } catch (error) {
    bench.log.warn({ job: job.id, error: (error as Error).message }, "the response could not be sent; the sweep will");
  }
}

/** Wakes a waiting run; a ring while it works is not lost. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(client: pg.Client) {
    // Not events.once: that rejects at the error which comes before the end, and nobody listens to the rejection.
    client.once("end", () => this.ring());
  }

  reset(): void {
    this.#rung = false;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(milliseconds: number): Promise<void> {
    if (this.#rung) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
