import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { classify, isConnectionLost } from "../contract/classify.ts";
import { ERRORS, JobError } from "../contract/errors.ts";
import type { LazyS3 } from "../platform/aws.ts";
import { connect, type Role } from "../platform/postgres.ts";
import type { Settings } from "../platform/settings.ts";
import {
  type ClaimedJob,
  type Claimer,
  type Database,
  dueResponses,
  type Ending,
  type FrozenResponse,
  finish,
  finishAndClaim,
  recordSession,
  retry,
  type SentResponse,
} from "../store/jobs.ts";
import { reachCrashPoint } from "./crashPoints.ts";
import { JobLease } from "./jobLease.ts";
import { peakMemory } from "./memory.ts";
import type { OutputOptions } from "./output.ts";
import { read } from "./read.ts";
import type { Session, Sessions } from "./sessions.ts";
import { update } from "./update.ts";

/** Dependencies of a run's jobs. */
export interface RunnerDeps {
  run: string;
  /** The role job_keeper's connection. */
  db: Database;
  sessions: Sessions;
  /** The role that reads. */
  reader: Role;
  settings: Settings;
  s3: LazyS3;
  resultsBucket: string;
  log: Logger;
  /** Returns how to claim the next job with the end of this one, and responses to record; undefined for no claim. */
  nextClaim(session: Session): { claimer: Claimer; sent: SentResponse[] } | undefined;
}

/** Outcome of a claim. */
export interface ClaimResult {
  /** Undefined if no job waits. */
  job: ClaimedJob | undefined;
  /** False if the run is no longer in state RUNNING in the database. */
  running: boolean;
}

/** Outcome of an attempt. */
export interface JobOutcome {
  /** Response for the caller to send; undefined if another run has the job, or if it waits again. */
  response: FrozenResponse | undefined;
  /** Outcome of the claim that was made together with the job's end. */
  next?: ClaimResult;
}

/** Role of the connection that executes a task. */
export const roleFor = ({ reader }: Pick<RunnerDeps, "reader">, type: "read" | "update"): Role =>
  type === "read" ? reader : "job_writer";

/**
 * Executes a claimed job.
 * @param onLease receives the job's lease, so that an announced cancel reaches it
 */
export async function doJob(
  deps: RunnerDeps,
  job: ClaimedJob,
  claimed: Session,
  onLease: (lease: JobLease) => void,
): Promise<JobOutcome> {
  reachCrashPoint("claim", job);
  const session = await sessionFor(deps, job, claimed);
  const lease = new JobLease(deps.db, deps.run, job, session);
  onLease(lease);
  try {
    if (job.task.type === "read") return await doRead(deps, job, session, lease);
    const response = await doUpdate(deps, job, session, lease);
    await lease.stop();
    return { response };
  } catch (error) {
    return { response: await conclude(deps, job, session, lease, error) };
  }
}

/** Returns the session that the claim recorded, or one with the role that this task needs. */
async function sessionFor(deps: RunnerDeps, job: ClaimedJob, claimed: Session): Promise<Session> {
  const session = await deps.sessions.get(roleFor(deps, job.task.type));
  if (session !== claimed) await recordSession(deps.db, deps.run, job, session.backend);
  return session;
}

async function doRead(deps: RunnerDeps, job: ClaimedJob, session: Session, lease: JobLease): Promise<JobOutcome> {
  if (job.task.type !== "read") return { response: undefined };
  const done = await read(job.task, {
    sql: job.sql ?? "",
    session,
    timeoutSeconds: job.timeoutSeconds,
    signal: lease.signal,
    output: outputOf(deps, job, "result"),
    onBegin: () => reachCrashPoint("BEGIN", job),
    onCopy: () => reachCrashPoint("COPY", job),
    onProgress: (current) => lease.follow(current),
    discard: () => deps.sessions.discard(session),
  });
  await lease.stop();
  if (lease.interruption) throw new JobError("Cancelled"); // after the last row; conclude determines the error
  reachCrashPoint("fence", job);
  const end: Ending = {
    status: "SUCCEEDED",
    result: done.json(done.rows),
    rows: done.rows,
    bytes: done.bytes,
    peakMemoryBytes: peakMemory(),
  };
  const nextClaim = deps.nextClaim(session);
  if (!nextClaim) return { response: await finish(deps.db, job, end) };
  const { response, next, running } = await finishAndClaim(deps.db, job, end, nextClaim.claimer, nextClaim.sent);
  return { response, next: { job: next, running } };
}

async function doUpdate(
  deps: RunnerDeps,
  job: ClaimedJob,
  session: Session,
  lease: JobLease,
): Promise<FrozenResponse | undefined> {
  if (job.task.type !== "update") return undefined;
  return update(job.task, {
    job,
    session,
    db: deps.db,
    s3: deps.s3,
    settings: deps.settings,
    signal: lease.signal,
    report: outputOf(deps, job, "report"),
    peakMemory,
    onProgress: (progress) => lease.follow(() => progress),
  });
}

/** A key has the response's id and the attempt: no text of the caller, and each attempt writes its own object. */
const outputOf = (deps: RunnerDeps, job: ClaimedJob, name: string): Omit<OutputOptions, "format" | "compression"> => ({
  inlineBytes: deps.settings.jobs.inlineBytes,
  s3: deps.s3,
  bucket: deps.resultsBucket,
  key: `${job.responseId}/${job.attempt}/${name}`,
});

/** Classifies the error of an attempt and records it; the session of interrupted work has ended before. */
async function conclude(
  deps: RunnerDeps,
  job: ClaimedJob,
  session: Session,
  lease: JobLease,
  thrown: unknown,
): Promise<FrozenResponse | undefined> {
  await lease.stop();
  const { interruption } = lease;
  if (interruption) deps.sessions.discard(session);
  if (interruption === "lost") {
    deps.log.warn({ job: job.id, attempt: job.attempt }, "the job was given away");
    return undefined;
  }
  const error =
    interruption === "cancelled"
      ? new JobError("Cancelled")
      : !isInvalidSql(thrown) && (interruption === "timedOut" || isStatementTimeout(thrown, lease))
        ? timedOut(deps, job)
        : classify(causeOf(thrown, session), job.task.type);
  deps.log.warn(
    {
      job: job.id,
      attempt: job.attempt,
      error: error.code,
      cause: error.cause instanceof Error ? error.cause.stack : undefined,
    },
    error.message,
  );
  return settle(deps, job, (db) => endAttempt(db, job, error));
}

/** Requeues a failed job, or ends it. Idempotent. */
async function endAttempt(db: Database, job: ClaimedJob, error: JobError): Promise<FrozenResponse | undefined> {
  const peak = peakMemory();
  if (error.retryable && ERRORS[error.code].category !== "User") {
    const outcome = await retry(db, job, error.body(), peak);
    return outcome === "RETRIED" ? undefined : (await dueResponses(db, 1, [job.id]))[0];
  }
  const end: Ending = {
    status: error.code === "Cancelled" ? "CANCELLED" : "FAILED",
    error: error.body(),
    rows: 0,
    bytes: 0,
    peakMemoryBytes: peak,
  };
  // No row: this attempt's own COMMIT succeeded although its acknowledgement was lost, or another run has the job.
  return (await finish(db, job, end)) ?? (await dueResponses(db, 1, [job.id]))[0];
}

/** Pauses between two attempts to reconnect, in milliseconds: the first, doubled up to the last. */
const RECONNECT_MS = { first: 50, last: 1_000 };

/**
 * Records the end of an attempt; if the run's connection was lost, over a new one, for as long as a lease lasts. After
 * a failover, the attempt is then reported as DatabaseUnavailable and its job requeued immediately, instead of being
 * RunnerLost when its lease expires. The run itself ends afterwards.
 */
async function settle<T>(deps: RunnerDeps, job: ClaimedJob, work: (db: Database) => Promise<T>): Promise<T> {
  try {
    return await work(deps.db);
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    deps.log.warn({ job: job.id, error: (error as Error).message }, "reconnecting to record the end of the attempt");
  }
  const limit = performance.now() + job.leaseSeconds * 1000;
  for (let wait = RECONNECT_MS.first; ; wait = Math.min(RECONNECT_MS.last, wait * 2)) {
    try {
      const client = await connect("job_keeper");
      try {
        return await work(client);
      } finally {
        await client.end().catch(() => undefined);
      }
    } catch (error) {
      if (!isConnectionLost(error) || performance.now() + wait > limit) throw error;
      await pause(wait);
    }
  }
}

/**
 * Returns true if the server ended a statement at the job's own timeout, and not on an administrator's request. The
 * message may be in any language, so the lease's clock counts as well.
 */
const isStatementTimeout = (error: unknown, lease: JobLease): boolean => {
  const { code, message } = error as { code?: string; message?: string };
  return code === QUERY_CANCELED && (lease.isPastDeadline || /statement timeout/.test(message ?? ""));
};
const QUERY_CANCELED = "57014";

/** Returns true for SQL that is refused, which may become known only when a slow statement is ended. */
const isInvalidSql = (error: unknown): boolean => error instanceof JobError && error.code === "InvalidSql";

/** A statement sent after the server ended the session only reports a closed connection; `ended` has the reason. */
const causeOf = (thrown: unknown, { ended }: Session): unknown =>
  ended && !(thrown instanceof JobError) && (thrown as { severity?: string }).severity === undefined ? ended : thrown;

const timedOut = (deps: RunnerDeps, job: ClaimedJob) =>
  new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum: deps.settings.jobs.maxTimeoutSeconds });
