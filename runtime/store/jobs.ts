import type { ErrorBody } from "../contract/errors.ts";
import type { RedactedFields } from "../contract/redactJob.ts";
import type { Reply, Task } from "../contract/request.ts";
import type { TerminalState } from "../contract/states.ts";

/**
 * The job store: each function calls one SQL function of db/functions/jobs in one round trip. The SQL function's file
 * also grants it to roles.
 */

/** A pg client or pool. */
export interface Database {
  // biome-ignore lint/suspicious/noExplicitAny: columns depend on the statement; each function below types them
  query(statement: string | PreparedStatement, values?: unknown[]): Promise<{ rows: any[] }>;
}

/** A prepared statement: each connection parses it once. */
export interface PreparedStatement {
  name: string;
  text: string;
  values: Parameter[];
}

/** A value of a prepared statement's parameter. */
export type Parameter = string | number | null | readonly (string | number)[];

/** Input of `accept`: a valid request, its hash, and the stack's decisions about it. */
export interface NewJob {
  tenant: string;
  requestId: string;
  requestHash: string;
  /**
   * True if the current rules refuse the request, which repeats an earlier job. If that job no longer exists, no job is
   * created (FULL).
   */
  isRepeat?: boolean;
  responseId: string;
  /** The task without inline items. */
  task: object;
  /** Task and labels without credentials, if they differ. */
  redacted?: RedactedFields | null;
  inline: unknown[] | null;
  /** Reads only: the executed SQL, with its parameters. */
  sql: string | null;
  runner: string;
  /** True if an EC2 run may execute it too, when Glue has no capacity or too little memory. */
  ec2Fallback: boolean;
  priority: number;
  labels: Record<string, string>;
  /** `queue` if the response is sent to the response queue. */
  reply: Reply;
  timeoutSeconds: number;
  maxAttempts: number;
  leaseSeconds: number;
  /** Maximum waiting jobs of the tenant. @default no maximum */
  maxWaiting?: number;
  /** Trace context of the request. */
  traceparent?: string | undefined;
}

/** Result of `accept` for one request. */
export type Accepted =
  | AcceptedJob
  /** No job was created. */
  | { outcome: "FULL"; jobId?: undefined; status?: undefined; isDueAgain: false };

/** The job of a request, new or existing. */
export interface AcceptedJob {
  outcome: "ACCEPTED" | "REPEATED" | "CONFLICT";
  jobId: number;
  status: string;
  /** True if the job has ended and its response is due again, because this request has the reply `queue`. */
  isDueAgain: boolean;
}

/**
 * Creates jobs for requests, or finds the jobs that they repeat, in one transaction.
 * @returns a result per request, in their order
 */
export async function accept(db: Database, jobs: readonly NewJob[]): Promise<Accepted[]> {
  if (jobs.length === 0) return [];
  const { rows } = await db.query("select outcome, job_id, status, answered from jobs.accept($1)", [
    JSON.stringify(jobs),
  ]);
  return rows.map(({ outcome, job_id: jobId, status, answered: isDueAgain }) =>
    outcome === "FULL" ? { outcome, isDueAgain: false } : { outcome, jobId: Number(jobId), status, isDueAgain },
  );
}

/** A stored response, due until its sending is recorded. */
export interface DueResponse {
  /** Id of the job; for the response to a refused request, the negated id of its row in jobs.answers. */
  id: number;
  responseId: string;
  tenant: string;
  requestId: string;
  status: string;
  /** For `responsesSent`: the row's version when the response was read, or the negated number of a numbered response. */
  version: number;
  body: string;
}

/** A stored response. `body` is undefined if the response is not requested on the queue and therefore not sent. */
export type StoredResponse = Omit<DueResponse, "body"> & { body: string | undefined };

/** Returns true if a response must be sent to the queue. */
export const isDue = (response: StoredResponse): response is DueResponse => response.body !== undefined;

const dueResponse = (row: Record<string, unknown>): DueResponse => ({
  id: Number(row.response_pk),
  responseId: String(row.response_id),
  tenant: String(row.tenant),
  requestId: String(row.request_id),
  status: String(row.status),
  version: Number(row.response_version),
  body: String(row.body),
});

/**
 * Stores the response to a request that creates no job, and returns it. A repeat of the request gets the same response.
 */
export async function storeRefusal(
  db: Database,
  refusal: Pick<DueResponse, "responseId" | "tenant" | "requestId"> & {
    error: ErrorBody;
    labels: Record<string, string>;
    traceparent?: string | undefined;
  },
): Promise<DueResponse> {
  const { rows } = await db.query("select * from jobs.store_answer($1, $2, $3, $4, $5, $6)", [
    refusal.responseId,
    refusal.tenant,
    refusal.requestId,
    JSON.stringify(refusal.error),
    JSON.stringify(refusal.labels),
    refusal.traceparent ?? null,
  ]);
  return dueResponse(rows[0]);
}

/**
 * Returns due responses (or those of the given jobs), and reserves them for ten seconds, so that no other process sends
 * them.
 */
export async function dueResponses(db: Database, limit: number, jobs?: readonly number[]): Promise<DueResponse[]> {
  const { rows } = await db.query("select * from jobs.due_responses($1, $2)", [limit, jobs ?? null]);
  return rows.map(dueResponse);
}

/** A response that was sent to its queue, with the message id that SQS returned. */
export interface SentResponse {
  id: number;
  /** Version that was sent. A response that was requested again in the meantime stays due. */
  version: number;
  messageId: string;
}

/** Records that responses were sent. */
export async function responsesSent(db: Database, sent: readonly SentResponse[]): Promise<void> {
  if (sent.length === 0) return;
  await db.query({ name: "responses_sent", text: "select jobs.responses_sent($1, $2, $3)", values: sentColumns(sent) });
}

const sentColumns = (sent: readonly SentResponse[]): [number[], number[], string[]] => [
  sent.map(({ id }) => id),
  sent.map(({ version }) => version),
  sent.map(({ messageId }) => messageId),
];

/** Requests the cancel of a job. @returns the job's status afterwards; undefined if the job does not exist */
export async function cancel(db: Database, tenant: string, requestId: string): Promise<string | undefined> {
  const { rows } = await db.query("select jobs.cancel($1, $2) as status", [tenant, requestId]);
  return rows[0].status ?? undefined;
}

/** A claimed job. */
export interface ClaimedJob {
  id: number;
  attempt: number;
  maxAttempts: number;
  tenant: string;
  requestId: string;
  responseId: string;
  task: Task;
  inline: Record<string, unknown>[] | null;
  /** Reads only. */
  sql: string | null;
  timeoutSeconds: number;
  leaseSeconds: number;
}

/** Database session that executes a job, with its start time, since process ids are reused. */
export interface Backend {
  pid: number;
  start: string;
}

/**
 * Registers a started run.
 *
 * @param memoryBytes - Memory of the run, shown with its attempts.
 * @returns its slot; undefined if it started too late, or if another process has its id: then it must exit
 */
export async function runStarted(db: Database, run: string, memoryBytes?: number): Promise<number | undefined> {
  return (
    (await db.query("select jobs.run_started($1, $2) as slot", [run, memoryBytes ?? null])).rows[0].slot ?? undefined
  );
}

/**
 * Registers a started instance, and assigns to it a run of its launch that no other instance has.
 *
 * @param memoryBytes - Memory of the run, shown with its attempts.
 * @returns the run and its slot; undefined if no run is left: then the instance must exit
 */
export async function instanceStarted(
  db: Database,
  { launch, instance }: { launch: string; instance: string },
  memoryBytes?: number,
): Promise<{ run: string; slot: number } | undefined> {
  const sql = "select run, slot from jobs.instance_started($1, $2, $3)";
  return (await db.query(sql, [launch, instance, memoryBytes ?? null])).rows[0];
}

/**
 * Claims the next job for this run and records sent responses, in one transaction.
 *
 * @returns undefined if no job waits
 * @throws P0002 if the run was abandoned or is retiring; then nothing is recorded
 */
export async function claim(
  db: Database,
  run: string,
  backend: Backend,
  log: string | undefined,
  sent: readonly SentResponse[] = [],
): Promise<ClaimedJob | undefined> {
  const { rows } = await db.query({
    name: "claim",
    text: "select jobs.claim($1, $2, $3, $4, $5, $6, $7) as job",
    values: [run, backend.pid, backend.start, log ?? null, ...sentColumns(sent)],
  });
  return rows[0].job ?? undefined;
}

/** Progress of a job. */
export interface Progress {
  rows: number;
  bytes: number;
  estimatedRows?: number;
}

/**
 * Extends the lease of a job and records its progress.
 *
 * @returns CANCEL if a cancel was requested; LOST if this attempt no longer holds the job
 */
export async function heartbeat(
  db: Database,
  run: string,
  job: ClaimedJob,
  progress: Progress,
): Promise<"KEEP" | "CANCEL" | "LOST"> {
  return (
    await db.query("select jobs.heartbeat($1, $2, $3, $4) as outcome", [
      run,
      job.id,
      job.attempt,
      JSON.stringify(progress),
    ])
  ).rows[0].outcome;
}

/** Records another session of a job; returns false if this attempt no longer holds the job. */
export async function recordSession(db: Database, run: string, job: ClaimedJob, backend: Backend): Promise<boolean> {
  return (
    await db.query("select jobs.record_session($1, $2, $3, $4, $5) as ok", [
      run,
      job.id,
      job.attempt,
      backend.pid,
      backend.start,
    ])
  ).rows[0].ok;
}

/** Outcome of a job. `result` is JSON text, so that numbers and inline rows keep every digit. */
export interface Ending {
  status: TerminalState;
  result?: string;
  error?: ErrorBody;
  rows: number;
  bytes: number;
  peakMemoryBytes: number;
}

/**
 * Ends a job.
 *
 * @returns the stored response; undefined if this attempt no longer holds the job, and nothing changed (fencing)
 */
export async function finish(
  db: Database,
  job: { id: number; attempt: number },
  end: Ending,
): Promise<StoredResponse | undefined> {
  const { rows } = await db.query({
    name: "finish",
    text: "select * from jobs.finish($1, $2, $3, $4, $5, $6, $7, $8)",
    values: endingColumns(job, end),
  });
  return rows[0] && storedResponse(rows[0]);
}

/** A run that claims its next job. */
export interface Claimer {
  run: string;
  /** Database session that will execute the job. */
  backend: Backend;
  log: string | undefined;
}

/** Result of ending a job and claiming the next one. */
export interface FinishedAndClaimed {
  /** Result of `finish`. */
  response: StoredResponse | undefined;
  /** Undefined if no job waits. */
  next: ClaimedJob | undefined;
  /** False if the run was abandoned or is retiring. */
  running: boolean;
}

/** Ends a job as `finish` does and claims the next one, in one transaction, which also records responses as sent. */
export async function finishAndClaim(
  db: Database,
  job: { id: number; attempt: number },
  end: Ending,
  { run, backend, log }: Claimer,
  sent: readonly SentResponse[],
): Promise<FinishedAndClaimed> {
  const { rows } = await db.query({
    name: "finish_and_claim",
    text: "select * from jobs.finish_and_claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    values: [...endingColumns(job, end), run, backend.pid, backend.start, log ?? null, ...sentColumns(sent)],
  });
  const [row] = rows;
  return {
    response: row.response_pk === null ? undefined : storedResponse(row),
    next: row.next ?? undefined,
    running: row.running,
  };
}

const endingColumns = (job: { id: number; attempt: number }, end: Ending): Parameter[] => [
  job.id,
  job.attempt,
  end.status,
  end.result ?? null,
  end.error ? JSON.stringify(end.error) : null,
  end.rows,
  end.bytes,
  end.peakMemoryBytes,
];

// biome-ignore lint/suspicious/noExplicitAny: a row of jobs.finish
const storedResponse = (row: any): StoredResponse => ({ ...dueResponse(row), body: row.body ?? undefined });

/** Requeues a job after a retryable error, or ends it if its attempts are used up. */
export async function retry(
  db: Database,
  job: { id: number; attempt: number },
  error: ErrorBody,
  peakMemoryBytes: number,
): Promise<"RETRIED" | "FAILED" | "CANCELLED" | "LOST"> {
  return (
    await db.query("select jobs.retry($1, $2, $3, $4) as outcome", [
      job.id,
      job.attempt,
      JSON.stringify(error),
      peakMemoryBytes,
    ])
  ).rows[0].outcome;
}

/** Retires a run. @returns false if a job waits for it, so that it must not end, or if it is no longer running */
export async function retire(db: Database, run: string): Promise<boolean> {
  return (await db.query("select jobs.retire($1) as ok", [run])).rows[0].ok;
}

/** Drains a run: it claims no further job, even if some wait. */
export async function drain(db: Database, run: string): Promise<void> {
  await db.query("select jobs.drain($1)", [run]);
}
