import type { Logger } from "pino";
import { classify, isConflict } from "../contract/classify.ts";
import { ERRORS, JobError } from "../contract/errors.ts";
import type { LazyS3 } from "../platform/aws.ts";
import type { Role } from "../platform/postgres.ts";
import type { Settings } from "../platform/settings.ts";
import {
  type ClaimedJob,
  type Claimer,
  type Database,
  dueResponses,
  type Ending,
  finish,
  finishAndClaim,
  recordSession,
  retry,
  type SentResponse,
  type StoredResponse,
} from "../store/jobs.ts";
import { repeatCall } from "../store/repeatCall.ts";
import { reachCrashPoint } from "./crashPoints.ts";
import { JobLease } from "./jobLease.ts";
import { peakMemory } from "./memory.ts";
import type { OutputOptions } from "./output.ts";
import { persist } from "./persist.ts";
import { read } from "./read.ts";
import type { Session, Sessions } from "./sessions.ts";
import { update } from "./update.ts";

/** Dependencies of a run's jobs. */
export interface RunnerDeps {
  run: string;
  /** The role job_keeper's connection. */
  db: Database;
  sessions: Sessions;
  /** Role whose connection executes reads. */
  reader: Role;
  settings: Settings;
  s3: LazyS3;
  resultsBucket: string;
  log: Logger;
  /** Returns the claim to make together with the end of this job; undefined if the run may claim no further job. */
  nextClaim(session: Session): NextClaim | undefined;
}

/** A claim that is made together with the end of a job. */
export interface NextClaim {
  claimer: Claimer;
  /** Makes a call that also records sent responses. If these may be why it fails, it is made again without them. */
  record<T>(call: (sent: SentResponse[]) => Promise<T>): Promise<T>;
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
  /** Response that the run must send; undefined if another run has the job, or if the job waits again. */
  response: StoredResponse | undefined;
  /** Outcome of the claim that was made together with the job's end. */
  next?: ClaimResult;
}

/** Role of the connection that executes a task. */
export const roleFor = ({ reader }: Pick<RunnerDeps, "reader">, type: "read" | "update"): Role =>
  type === "read" ? reader : "job_writer";

/**
 * Executes a claimed job.
 * @param onLease - Receives the job's lease, whose `checkNow` must be called when a cancel is announced.
 */
export async function executeJob(
  deps: RunnerDeps,
  job: ClaimedJob,
  claimSession: Session,
  onLease: (lease: JobLease) => void,
): Promise<JobOutcome> {
  reachCrashPoint("claim", job);
  const session = await sessionFor(deps, job, claimSession);
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

/** Returns a session with the role that this task needs. Records it unless the claim already did. */
async function sessionFor(deps: RunnerDeps, job: ClaimedJob, claimSession: Session): Promise<Session> {
  const session = await deps.sessions.get(roleFor(deps, job.task.type));
  if (session !== claimSession) await recordSession(deps.db, deps.run, job, session.backend);
  return session;
}

async function doRead(deps: RunnerDeps, job: ClaimedJob, session: Session, lease: JobLease): Promise<JobOutcome> {
  if (job.task.type !== "read") return { response: undefined };
  const output = await read(job.task, {
    sql: job.sql ?? "",
    session,
    timeoutSeconds: job.timeoutSeconds,
    signal: lease.signal,
    output: outputOf(deps, job, "result"),
    onBegin: () => reachCrashPoint("BEGIN", job),
    onCopy: () => reachCrashPoint("COPY", job),
    onProgress: (current) => lease.trackProgress(current),
    discard: () => deps.sessions.discard(session),
  });
  await lease.stop();
  if (lease.interruption) throw new JobError("Cancelled"); // interrupted after the last row; conclude determines the error
  reachCrashPoint("fence", job);
  const end: Ending = {
    status: "SUCCEEDED",
    result: output.json(output.rows),
    rows: output.rows,
    bytes: output.bytes,
    peakMemoryBytes: peakMemory(),
  };
  const nextClaim = deps.nextClaim(session);
  if (!nextClaim) return { response: await finish(deps.db, job, end) };
  const { response, next, running } = await nextClaim.record((sent) =>
    repeatCall(() => finishAndClaim(deps.db, job, end, nextClaim.claimer, sent), { isSafe: isConflict }),
  );
  return { response, next: { job: next, running } };
}

async function doUpdate(
  deps: RunnerDeps,
  job: ClaimedJob,
  session: Session,
  lease: JobLease,
): Promise<StoredResponse | undefined> {
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
    onProgress: (progress) => lease.trackProgress(() => progress),
  });
}

/** Returns output options. The key has no text from the caller, and differs per attempt. */
const outputOf = (deps: RunnerDeps, job: ClaimedJob, name: string): Omit<OutputOptions, "format" | "compression"> => ({
  inlineBytes: deps.settings.jobs.inlineBytes,
  s3: deps.s3,
  bucket: deps.resultsBucket,
  key: `${job.responseId}/${job.attempt}/${name}`,
});

/** Classifies and records the error of an attempt, after the session of interrupted work has ended. */
async function conclude(
  deps: RunnerDeps,
  job: ClaimedJob,
  session: Session,
  lease: JobLease,
  thrown: unknown,
): Promise<StoredResponse | undefined> {
  await lease.stop();
  const { interruption } = lease;
  if (interruption) deps.sessions.discard(session);
  if (interruption === "lost") {
    deps.log.warn({ job: job.id, attempt: job.attempt }, "another run has the job");
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
  // Repeated for as long as a lease lasts. After a failover, this reports the attempt as DatabaseUnavailable and
  // requeues its job immediately; otherwise the job would be lost (RunnerLost), and be requeued only when its lease
  // expires. The run itself ends afterwards.
  const options = { db: deps.db, seconds: job.leaseSeconds, log: deps.log.child({ job: job.id }) };
  return persist(options, (db) => endAttempt(db, job, error));
}

/** Requeues a failed job, or ends it. Idempotent. */
async function endAttempt(db: Database, job: ClaimedJob, error: JobError): Promise<StoredResponse | undefined> {
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

/**
 * Returns true if the server ended a statement at the job's own timeout, and not on an administrator's request. The
 * message may be in any language, so the lease's clock counts as well.
 */
const isStatementTimeout = (error: unknown, lease: JobLease): boolean => {
  const { code, message } = error as { code?: string; message?: string };
  return code === QUERY_CANCELED && (lease.isPastDeadline || /statement timeout/.test(message ?? ""));
};
const QUERY_CANCELED = "57014";

/** Returns true if the SQL was refused. This error takes precedence over a timeout that passed meanwhile. */
const isInvalidSql = (error: unknown): boolean => error instanceof JobError && error.code === "InvalidSql";

/** A statement sent after the server ended the session only reports a closed connection; `ended` has the reason. */
const causeOf = (thrown: unknown, { ended }: Session): unknown =>
  ended && !(thrown instanceof JobError) && (thrown as { severity?: string }).severity === undefined ? ended : thrown;

const timedOut = (deps: RunnerDeps, job: ClaimedJob) =>
  new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum: deps.settings.jobs.maxTimeoutSeconds });
