import { createHash } from "node:crypto";
import Type, { type Static } from "typebox";
import { JobError } from "../contract/errors.ts";
import type { Reply } from "../contract/request.ts";
import { areLabelsWithinLimits } from "../requests/parse.ts";
import type { JobServices } from "./deps.ts";

/** Fields of a job that a retry may change. */
export const RetryChanges = Type.Object(
  {
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, description: "replaces the job's timeout" })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 9, description: "replaces the job's priority" })),
  },
  { additionalProperties: false },
);

/** Maximum length of an id to which `.retry-` and five digits are appended: an id has at most 128 characters. */
const MAX_RETRIED_ID = 116;
const LAST_RETRY = 99_999;
/** Matches ids of retries. Their numbers have no leading zeros: the retry of `a.retry-01` is `a.retry-01.retry-1`. */
const RETRY_ID = /^(.+)\.retry-([1-9]\d{0,4})$/;

/**
 * Returns the id of a job's retry: `<id>.retry-1`, or for a retry the next number. It depends only on the job's id, so
 * that retrying a job twice creates one job; jobs with different ids have different retries.
 */
export function retryIdOf(requestId: string): string {
  const [, base = "", number] = RETRY_ID.exec(requestId) ?? [];
  if (base !== "" && base.length <= MAX_RETRIED_ID && Number(number) < LAST_RETRY)
    return `${base}.retry-${Number(number) + 1}`;
  if (requestId.length <= MAX_RETRIED_ID) return `${requestId}.retry-1`;
  // The hash distinguishes long ids that begin alike.
  const hash = createHash("sha256").update(requestId).digest("hex").slice(0, 16);
  return `${requestId.slice(0, MAX_RETRIED_ID - hash.length - 1)}.${hash}.retry-1`;
}

/**
 * Creates the request of a retry: the stored task, labelled retryOf if possible, with the caller's changes.
 * @throws JobError UnknownJob, or NotRetryable unless the job has failed or was cancelled
 */
export async function retryRequestOf(
  { db }: Pick<JobServices, "db">,
  tenant: string,
  requestId: string,
  changes: Static<typeof RetryChanges>,
): Promise<Record<string, unknown>> {
  const { rows } = await db.query("select jobs.stored_request($1, $2) as request", [tenant, requestId]);
  const stored = rows[0].request as {
    status: string;
    task: Record<string, unknown>;
    inline: unknown[] | null;
    labels: Record<string, string>;
    priority: number;
    timeoutSeconds: number;
    reply: Reply;
  } | null;
  if (!stored) throw new JobError("UnknownJob", { requestId, tenant });
  if (stored.status !== "FAILED" && stored.status !== "CANCELLED")
    throw new JobError("NotRetryable", { requestId, status: stored.status });
  const { versionId: _version, etag: _etag, ...source } = (stored.task.source ?? {}) as Record<string, unknown>;
  const task = {
    ...stored.task,
    ...(stored.task.source ? { source: stored.inline ? { inline: stored.inline } : source } : {}),
  };
  return {
    requestId: retryIdOf(requestId),
    tenant,
    task,
    priority: changes.priority ?? stored.priority,
    timeoutSeconds: changes.timeoutSeconds ?? stored.timeoutSeconds,
    reply: stored.reply,
    labels: labelsOf(stored.labels, requestId),
  };
}

/** Returns the labels of a retry: the job's, and `retryOf` unless the labels would then exceed a limit. */
function labelsOf({ retryOf: _, ...labels }: Record<string, string>, requestId: string): Record<string, string> {
  const withRetryOf = { ...labels, retryOf: requestId };
  return areLabelsWithinLimits(withRetryOf) ? withRetryOf : labels;
}
