import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import { isConflict } from "../contract/classify.ts";
import type { RunnerType } from "../contract/states.ts";
import { readerRole } from "../platform/postgres.ts";
import type { Queues } from "../requests/responses.ts";
import { claim, drain, instanceStarted, isDue, retire, runStarted } from "../store/jobs.ts";
import { repeatCall } from "../store/repeatCall.ts";
import { type ClaimResult, executeJob, type RunnerDeps, roleFor } from "./job.ts";
import type { JobLease } from "./jobLease.ts";
import { availableMemory } from "./memory.ts";
import { preparedStatements } from "./preparedStatements.ts";
import { ResponseSender } from "./responseSender.ts";

/**
 * Maximum interval between the claims of an idle run. They are also its heartbeats: at least three per lease.
 * Milliseconds.
 */
const POLL_MS = 2_000;
/** Time that a response waits for those of the next jobs, to be sent in one call to SQS. Milliseconds. */
const GATHER_MS = 200;

/** Identity of a process: its run's id, or its launch and instance, with which it receives one of the launch's runs. */
export type RunIdentity = { run: string } | { launch: string; instance: string };

/** Options of `run`: a run in an EC2 instance or a local process. */
export interface RunOptions {
  runnerType: RunnerType;
  identity: RunIdentity;
  client: pg.Client;
  deps: Omit<RunnerDeps, "run" | "db" | "reader" | "nextClaim">;
  sqs: SQSClient;
  queues: Queues;
  logLocation: string | undefined;
  /** Aborted when the run must take no further job. */
  draining: AbortSignal;
  /** @default GATHER_MS */
  gatherMs?: number;
}

/**
 * Claims and executes jobs one after the other until the run has been idle for `idleSeconds`, its lifetime is over, or
 * it is drained.
 *
 * @returns The number of executed jobs.
 */
export async function run(options: RunOptions): Promise<number> {
  const { runnerType, identity, client, sqs, queues, logLocation, draining } = options;
  const { settings } = options.deps;
  const { idleSeconds, lifetimeSeconds } = settings.runners[runnerType];
  const pollMs = Math.min(POLL_MS, (settings.jobs.leaseSeconds * 1000) / 3);
  const wakeSignal = new WakeSignal(client);
  const db = preparedStatements(client);
  let lease: JobLease | undefined;
  client.on("notification", ({ channel, payload }) => {
    if (channel === `jobs_waiting_${runnerType}` || payload === "job") wakeSignal.raise();
    else lease?.checkNow();
  });
  draining.addEventListener("abort", () => wakeSignal.raise(), { once: true });
  await client.query(`listen jobs_waiting_${runnerType}`);
  const started = await reportIn(client, identity);
  if (started === undefined) return 0;
  const { run: id, slot } = started;
  await client.query(`listen "jobs_run_${id}"`);
  const endAt = Date.now() + lifetimeSeconds * 1000;
  const mayClaim = () => !draining.aborted && Date.now() < endAt;
  const sender = new ResponseSender({
    sqs,
    queues,
    db,
    log: options.deps.log,
    gatherMs: options.gatherMs ?? GATHER_MS,
  });
  const deps: RunnerDeps = {
    ...options.deps,
    run: id,
    db,
    // Callers' own SQL runs as a role of the slot, so that it cannot see or signal other runs' sessions.
    reader: settings.jobs.rawSql ? readerRole(runnerType, slot) : "job_reader",
    nextClaim(session) {
      if (!mayClaim()) return undefined;
      wakeSignal.reset();
      return {
        claimer: { run: id, backend: session.backend, log: logLocation },
        record: (call) => sender.recordWith(call),
      };
    },
  };

  let jobCount = 0;
  let idleSince = Date.now();
  /** Outcome of the claim that was made together with the end of the last job. */
  let nextClaim: ClaimResult | undefined;
  try {
    while (nextClaim?.job || mayClaim()) {
      const session = await deps.sessions.get(roleFor(deps, runnerType === "ec2" ? "update" : "read"));
      if (!nextClaim) wakeSignal.reset();
      const { job, running }: ClaimResult = nextClaim ?? (await claimNext(deps, sender, session.backend, logLocation));
      nextClaim = undefined;
      if (!running) break;
      if (job) {
        sender.markBusy();
        const outcome = await executeJob(deps, job, session, (jobLease) => {
          lease = jobLease;
        });
        lease = undefined;
        nextClaim = outcome.next;
        jobCount++;
        idleSince = Date.now();
        if (outcome.response && isDue(outcome.response)) sender.add(job, outcome.response);
        // The next job does not wait for responses. Without a next job they are sent now; the run's end waits for them.
        if (!nextClaim?.job) sender.markIdle();
        continue;
      }
      const idleLeftMs = idleSince + idleSeconds * 1000 - Date.now();
      if (idleLeftMs > 0) await wakeSignal.wait(Math.min(idleLeftMs, pollMs));
      else if (await retire(client, deps.run)) break;
    }
    if (!mayClaim()) await drain(client, deps.run);
  } finally {
    // Also if the database is unavailable, so that committed responses are sent.
    await sender.close();
  }
  return jobCount;
}

/**
 * Reports that the run has started.
 * @returns its id and slot; undefined if it must exit
 */
async function reportIn(client: pg.Client, identity: RunIdentity): Promise<{ run: string; slot: number } | undefined> {
  if ("launch" in identity) return instanceStarted(client, identity, availableMemory());
  const slot = await runStarted(client, identity.run, availableMemory());
  return slot === undefined ? undefined : { run: identity.run, slot };
}

async function claimNext(
  deps: RunnerDeps,
  sender: ResponseSender,
  backend: { pid: number; start: string },
  logLocation: string | undefined,
): Promise<ClaimResult> {
  try {
    const job = await sender.recordWith((sent) =>
      repeatCall(() => claim(deps.db, deps.run, backend, logLocation, sent), { isSafe: isConflict }),
    );
    return { job, running: true };
  } catch (error) {
    if ((error as { code?: string }).code === "P0002") return { job: undefined, running: false };
    throw error;
  }
}

/** Wakes a waiting run; a signal that arrives while it is busy is not lost. */
class WakeSignal {
  #isRaised = false;
  #wake: (() => void) | undefined;

  constructor(client: pg.Client) {
    // Not events.once, which rejects when an `error` event precedes `end`: nothing would handle that rejection.
    client.once("end", () => this.raise());
  }

  reset(): void {
    this.#isRaised = false;
  }

  raise(): void {
    this.#isRaised = true;
    this.#wake?.();
  }

  async wait(milliseconds: number): Promise<void> {
    if (this.#isRaised) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
