import { createHash } from "node:crypto";
import Type, { type Static } from "typebox";
import { JobError } from "../contract/errors.ts";
import type { Reply } from "../contract/request.ts";
import type { JobServices } from "./deps.ts";

/** Fields of a job that a retry may change. */
export const RetryChanges = Type.Object(
  {
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, description: "timeout instead of the job's" })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 9, description: "priority instead of the job's" })),
  },
  { additionalProperties: false },
);

/** Longest id that `.retry-` and five digits extend to 128 characters, the maximum. */
const MAX_RETRIED_ID = 116;
const LAST_RETRY = 99_999;

/**
 * Returns the id of a job's retry: `<id>.retry-1`, or for a retry the next number. It depends only on the job's id, so
 * that retrying a job twice creates one job.
 */
export function retryIdOf(requestId: string): string {
  const [, base = requestId, number = "0"] = /^(.+)\.retry-(\d{1,5})$/s.exec(requestId) ?? [];
  if (Number(number) >= LAST_RETRY) return `${requestId.slice(0, MAX_RETRIED_ID)}.retry-1`;
  if (base.length <= MAX_RETRIED_ID) return `${base}.retry-${Number(number) + 1}`;
  // The hash distinguishes long ids that begin alike.
  const mark = createHash("sha256").update(base).digest("hex").slice(0, 16);
  return `${base.slice(0, MAX_RETRIED_ID - mark.length - 1)}.${mark}.retry-${Number(number) + 1}`;
}

/**
 * Creates the request of a retry: the stored task, labelled retryOf, with the caller's changes.
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
    labels: { ...stored.labels, retryOf: requestId },
  };
}
