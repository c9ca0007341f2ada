import { JobError } from "../contract/errors.ts";
import { responseIdOf } from "../contract/request.ts";
import { type Database, type DueResponse, storeRefusal } from "../store/jobs.ts";
import { type RequestChannel, storeRejected } from "./rejected.ts";
import { hasJob } from "./repeat.ts";

/** Returns true if a request's error is sent to the response queue; over HTTP, the call itself returns it. */
export const respondsOnQueue = ({ channel }: { channel: RequestChannel }, request: unknown): boolean =>
  channel === "queue" && (request as { reply?: unknown } | null)?.reply !== "none";

/**
 * Stores a rejected request for operators. Over HTTP a database error is ignored, so that the caller still gets the
 * response.
 */
export async function recordRejection(
  { db, channel }: { db: Database; channel: RequestChannel },
  { error, ...request }: { tenant: string; requestId: string; error: JobError; body: unknown },
): Promise<void> {
  const id = refusalIdOf(request.tenant, request.requestId, error, request.body);
  const stored = storeRejected(db, { id, channel, error: error.body(), ...request });
  await (channel === "http" ? stored.catch(() => undefined) : stored);
}

/** Returns the id of the response to a rejected request; equal requests have equal ids. */
const refusalIdOf = (tenant: string, requestId: string, { code }: JobError, request: unknown): string =>
  responseIdOf(tenant, requestId, `${code} ${identityOf(request)}`);

/**
 * Stores the response to an invalid request. If a job has this requestId, the error is RequestIdConflict, since the
 * response must not contradict the job's.
 */
export async function refuseInvalid(
  db: Database,
  recipient: Recipient,
  error: JobError,
  value: unknown,
): Promise<DueResponse> {
  const { tenant, requestId } = recipient;
  const isExistingJob = await hasJob(db, tenant, requestId);
  const reportedError = isExistingJob
    ? new JobError("RequestIdConflict", { requestId }, { details: error.details })
    : error;
  return refuse(db, recipient, reportedError, value);
}

/** Fields of a refused request that its response repeats. */
interface Recipient {
  tenant: string;
  requestId: string;
  labels?: Record<string, string>;
  traceparent: string | undefined;
}

/** Stores a FAILED response to a request that creates no job. Equal requests get the same response with the same id. */
export async function refuse(
  db: Database,
  { tenant, requestId, labels = {}, traceparent }: Recipient,
  error: JobError,
  request: unknown,
): Promise<DueResponse> {
  const responseId = refusalIdOf(tenant, requestId, error, request);
  return storeRefusal(db, { responseId, tenant, requestId, error: error.body(), labels, traceparent });
}

/** Returns the text that identifies a rejected request; empty if it is nested too deeply for JSON. */
function identityOf(request: unknown): string {
  try {
    return JSON.stringify(request);
  } catch {
    return "";
  }
}
