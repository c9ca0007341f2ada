import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { FastifyRequest } from "fastify";
import { JobError } from "../contract/errors.ts";
import { redactUrl } from "../contract/redact.ts";
import { TRACEPARENT, validTraceparent } from "../contract/traceparent.ts";
import { uploadPrefix } from "../contract/uploads.ts";
import { acceptAll } from "../requests/accept.ts";
import { deliverResponses } from "../requests/responses.ts";
import { recordAudit } from "../store/audit.ts";
import type { Caller } from "../store/tokens.ts";
import type { JobServices } from "./deps.ts";
import { actorOf, callerOfRequest, requireScope } from "./plugins/auth.ts";
import { tenantOf } from "./tenant.ts";

/** A submitted job. */
export interface SubmittedJob {
  requestId: string;
  tenant: string;
  status: string;
  /** False for a repeat of an earlier request. */
  isNew: boolean;
}

/** Submits requests of HTTP callers. */
export interface Submitter {
  /**
   * Accepts a request and, for a new job, wakes the dispatcher.
   * @param retriedId - Id of the job that the request retries.
   * @throws JobError when the request is refused
   */
  submit(value: Record<string, unknown>, request: FastifyRequest, retriedId?: string): Promise<SubmittedJob>;
  /** Wakes the dispatcher. Failures are logged: the dispatcher's schedule finds committed work. */
  wake(request: FastifyRequest): Promise<void>;
}

/** Creates the submitter of an API process. */
export function createSubmitter({ db, plans, settings, cloud }: JobServices): Submitter {
  /** Records the submission. Failures are logged, since the job is already committed. */
  const audit = async (
    request: FastifyRequest,
    tenant: string,
    target: string,
    value: Record<string, unknown>,
    retryOf: string | undefined,
  ) => {
    const detail = { ...auditedTask(value.task), ...(retryOf === undefined ? {} : { retryOf }) };
    const action = retryOf === undefined ? "submit" : "retry";
    const record = { tenant, ...actorOf(request), action, target, detail } as const;
    await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "audit entry failed"));
  };

  const wake = async (request: FastifyRequest) => {
    await cloud.sqs
      .send(new SendMessageCommand({ QueueUrl: cloud.queues.wakeups, MessageBody: "{}" }))
      .catch((error) =>
        request.log.warn(
          { err: error },
          "the wake-up message could not be sent; the dispatcher's schedule will find the work",
        ),
      );
  };

  const submit = async (value: Record<string, unknown>, request: FastifyRequest, retriedId?: string) => {
    const caller = callerOfRequest(request);
    const tenant = tenantOf(caller, typeof value.tenant === "string" ? value.tenant : undefined);
    // Checked before validation, so that a caller without the scope gets no problems of the update.
    if (isUpdate(value.task)) requireScope(caller, "update");
    checkUploadOwner(value, caller, cloud.buckets.uploads);
    const requestId = typeof value.requestId === "string" ? value.requestId : "";
    const [outcome] = await acceptAll({ db, plans, settings, s3: async () => cloud.s3, channel: "http" }, [
      { value: { tenant, ...value }, requestId, tenant, traceparent: validTraceparent(request.headers[TRACEPARENT]) },
    ]);
    if (!outcome || "error" in outcome)
      throw outcome?.error ?? new JobError("Internal", { reason: "acceptAll returned no outcome." });
    const failed = await deliverResponses(cloud.sqs, cloud.queues, db, outcome.send).catch((error) => [{ error }]);
    for (const { error } of failed)
      request.log.warn({ err: error }, "the response could not be sent or recorded; the dispatcher will send it");
    const id = outcome.request.requestId;
    const isNew = outcome.outcome === "ACCEPTED";
    if (isNew) {
      await audit(request, tenant, id, value, retriedId);
      await wake(request);
    }
    return { requestId: id, tenant, status: outcome.status, isNew };
  };

  return { submit, wake };
}

/** Summarizes a valid task for the audit trail, with a statement's parameters: they determine what a purge removes. */
function auditedTask(task: unknown): Record<string, unknown> {
  const { type, query, target, mode, dryRun, statement, params } = task as Record<string, unknown>;
  const document = { type, query, target, mode, dryRun, statement, ...(statement === undefined ? {} : { params }) };
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
}

/** Returns true for an update; the task need not be validated. */
export const isUpdate = (task: unknown): boolean => (task as { type?: unknown } | null | undefined)?.type === "update";

/**
 * Refuses uploads of other tenants, unless the caller is an admin.
 * @throws JobError SourceNotAllowed
 */
function checkUploadOwner(value: Record<string, unknown>, caller: Caller, bucket: string): void {
  const location = (value.task as { source?: { s3?: unknown } } | undefined)?.source?.s3;
  if (typeof location !== "string" || caller.scopes.includes("admin")) return;
  if (!location.startsWith(`s3://${bucket}/${uploadPrefix(caller.tenant)}/`))
    throw new JobError("SourceNotAllowed", {
      source: redactUrl(location),
      reason: "it is not an upload of this tenant. Upload it with `rates load`.",
    });
}
