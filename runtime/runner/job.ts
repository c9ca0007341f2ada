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
  retry,
  type SentResponse,
  working,
} from "../store/jobs.ts";
import { step } from "./crashPoints.ts";
import { Keeper } from "./keeper.ts";
import { peakMemory } from "./memory.ts";
import type { OutputOptions } from "./output.ts";
import { read } from "./read.ts";
import type { Session, Sessions } from "./sessions.ts";
import { update } from "./update.ts";

/** What a run has at hand for its jobs. */
export interface Bench {
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
  /** Who claims the next job together with the end of this one, and which responses that call records; undefined: nobody. */
  nextClaim(session: Session): { claimer: Claimer; sent: SentResponse[] } | undefined;
}

/** A claim's outcome. */
export interface Claimed {
  /** Undefined where nothing waits. */
  job: ClaimedJob | undefined;
  /** False when the store no longer has this run as a running one. */
  running: boolean;
}

/** A job's end. */
export interface Ended {
  /** For the caller to send; undefined where the job was given away meanwhile, or goes back to wait. */
  response: FrozenResponse | undefined;
  /** The claim that was made with it. */
  next?: Claimed;
}

/** The role whose connection does a task. */
export const roleFor = ({ reader }: Pick<Bench, "reader">, type: "read" | "update"): Role =>
  type === "read" ? reader : "job_writer";

/**
 * Does one job from claim to end.
 * @param onKeeper hands out the job's keeper, so that an announced cancel reaches it
 */
export async function doJob(
  bench: Bench,
  job: ClaimedJob,
  claimed: Session,
  onKeeper: (keeper: Keeper) => void,
): Promise<Ended> {
  step("claim", job);
  const session = await sessionFor(bench, job, claimed);
  const keeper = new Keeper(bench.db, bench.run, job, session);
  onKeeper(keeper);
  try {
    if (job.task.type === "read") return await doRead(bench, job, session, keeper);
    const response = await doUpdate(bench, job, session, keeper);
    await keeper.stop();
    return { response };
  } catch (error) {
    return { response: await conclude(bench, job, session, keeper, error) };
  }
}

/** The session that the claim named, or one with the role that this task needs. */
async function sessionFor(bench: Bench, job: ClaimedJob, claimed: Session): Promise<Session> {
  const session = await bench.sessions.get(roleFor(bench, job.task.type));
  if (session !== claimed) await working(bench.db, bench.run, job, session.backend);
  return session;
}

async function doRead(bench: Bench, job: ClaimedJob, session: Session, keeper: Keeper): Promise<Ended> {
  if (job.task.type !== "read") return { response: undefined };
  const done = await read(job.task, {
    sql: job.sql ?? "",
    session,
    timeoutSeconds: job.timeoutSeconds,
    signal: keeper.signal,
    output: outputOf(bench, job, "result"),
    onBegin: () => step("BEGIN", job),
    onCopy: () => step("COPY", job),
    onProgress: (progress) => keeper.report(progress),
    discard: () => bench.sessions.discard(session),
  });
  await keeper.stop();
  if (keeper.interruption) throw new JobError("Cancelled"); // came after the last row: conclude says what it was
  step("fence", job);
  const end: Ending = {
    status: "SUCCEEDED",
    result: done.json(done.rows),
    rows: done.rows,
    bytes: done.bytes,
    peakMemoryBytes: peakMemory(),
  };
  const wish = bench.nextClaim(session);
  if (!wish) return { response: await finish(bench.db, job, end) };
  const { response, next, running } = await finishAndClaim(bench.db, job, end, wish.claimer, wish.sent);
  return { response, next: { job: next, running } };
}

async function doUpdate(
  bench: Bench,
  job: ClaimedJob,
  session: Session,
  keeper: Keeper,
): Promise<FrozenResponse | undefined> {
  if (job.task.type !== "update") return undefined;
  return update(job.task, {
    job,
    session,
    db: bench.db,
    s3: bench.s3,
    settings: bench.settings,
    signal: keeper.signal,
    report: outputOf(bench, job, "report"),
    peakMemory,
    onProgress: (progress) => keeper.report(progress),
  });
}

/** Keys come from the response's id and the attempt: no caller's text, and no two attempts write to one place. */
const outputOf = (bench: Bench, job: ClaimedJob, name: string): Omit<OutputOptions, "format" | "compression"> => ({
  inlineBytes: bench.settings.jobs.inlineBytes,
  s3: bench.s3,
  bucket: bench.resultsBucket,
  key: `${job.responseId}/${job.attempt}/${name}`,
});

/** Work that ended in an error: says what it was, after the session is known to be gone where that matters. */
async function conclude(
  bench: Bench,
  job: ClaimedJob,
  session: Session,
  keeper: Keeper,
  thrown: unknown,
): Promise<FrozenResponse | undefined> {
  await keeper.stop();
  const { interruption } = keeper;
  if (interruption) bench.sessions.discard(session);
  if (interruption === "lost") {
    bench.log.warn({ job: job.id, attempt: job.attempt }, "the job was given away");
    return undefined;
  }
  const error =
    interruption === "cancelled"
      ? new JobError("Cancelled")
      : interruption === "timedOut" || isStatementTimeout(thrown, keeper)
        ? timedOut(bench, job)
        : classify(causeOf(thrown, session), job.task.type);
  bench.log.warn(
    {
      job: job.id,
      attempt: job.attempt,
      error: error.code,
      cause: error.cause instanceof Error ? error.cause.stack : undefined,
    },
    error.message,
  );
  return settle(bench, job, (db) => endAttempt(db, job, error));
}

/** Puts a failed job back, or ends it. Repeating it changes nothing. */
async function endAttempt(db: Database, job: ClaimedJob, error: JobError): Promise<FrozenResponse | undefined> {
  const peak = peakMemory();
  if (error.retryable && ERRORS[error.code].category !== "User") {
    const word = await retry(db, job, error.body(), peak);
    return word === "RETRIED" ? undefined : (await dueResponses(db, 1, [job.id]))[0];
  }
  const end: Ending = {
    status: error.code === "Cancelled" ? "CANCELLED" : "FAILED",
    error: error.body(),
    rows: 0,
    bytes: 0,
    peakMemoryBytes: peak,
  };
  // No row: this attempt's own COMMIT went through although its acknowledgement was lost, or the job was given away.
  return (await finish(db, job, end)) ?? (await dueResponses(db, 1, [job.id]))[0];
}

/** Pauses between two attempts to reconnect, in milliseconds: the first, doubled up to the last. */
const RECONNECT_MS = { first: 50, last: 1_000 };

/**
 * Records the end of an attempt, over a new connection when the run's own was lost, for as long as the job's lease lasts.
 * After a failover the attempt is then reported as DatabaseUnavailable, and the job retried at once, where otherwise
 * it would be RunnerLost when its lease is over. The run itself ends afterwards.
 */
async function settle<T>(bench: Bench, job: ClaimedJob, work: (db: Database) => Promise<T>): Promise<T> {
  try {
    return await work(bench.db);
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    bench.log.warn({ job: job.id, error: (error as Error).message }, "reconnecting to record the end of the attempt");
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
 * Whether the server ended a statement at the job's own timeout, and not on an administrator's request. The message may
 * be in any language, so the keeper's clock counts as well.
 */
const isStatementTimeout = (error: unknown, keeper: Keeper): boolean => {
  const { code, message } = error as { code?: string; message?: string };
  return code === QUERY_CANCELED && (keeper.isPastDeadline || /statement timeout/.test(message ?? ""));
};
const QUERY_CANCELED = "57014";

/** A statement sent after the server ended the session only reports a closed connection: the server said why. */
const causeOf = (thrown: unknown, { ended }: Session): unknown =>
  ended && !(thrown instanceof JobError) && (thrown as { severity?: string }).severity === undefined ? ended : thrown;

const timedOut = (bench: Bench, job: ClaimedJob) =>
  new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum: bench.settings.jobs.maxTimeoutSeconds });
