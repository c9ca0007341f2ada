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
export interface Submitted {
  requestId: string;
  tenant: string;
  status: string;
  /** False for a repeat of an earlier request. */
  isNew: boolean;
}

/** Submits requests on behalf of HTTP callers. */
export interface Submitter {
  /**
   * Accepts a request and wakes the dispatcher.
   * @param retried id of the job that the request retries
   * @throws JobError when the request is refused
   */
  submit(value: Record<string, unknown>, request: FastifyRequest, retried?: string): Promise<Submitted>;
  /** Wakes the dispatcher. Failures are logged: its schedule finds committed work. */
  wake(request: FastifyRequest): Promise<void>;
}

/** Creates the submitter of an API process. */
export function createSubmitter({ db, plans, settings, cloud }: JobServices): Submitter {
  /** The job is committed whatever becomes of this. */
  const audit = async (
    request: FastifyRequest,
    tenant: string,
    target: string,
    value: Record<string, unknown>,
    retryOf: string | undefined,
  ) => {
    const detail = { ...shownTask(value.task), ...(retryOf === undefined ? {} : { retryOf }) };
    const action = retryOf === undefined ? "submit" : "retry";
    const record = { tenant, ...actorOf(request), action, target, detail } as const;
    await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "no audit entry"));
  };

  const wake = async (request: FastifyRequest) => {
    await cloud.sqs
      .send(new SendMessageCommand({ QueueUrl: cloud.queues.wakeups, MessageBody: "{}" }))
      .catch((error) =>
        request.log.warn({ err: error }, "the wake-up could not be sent; the schedule will start the job"),
      );
  };

  const submit = async (value: Record<string, unknown>, request: FastifyRequest, retried?: string) => {
    const caller = callerOfRequest(request);
    const tenant = tenantOf(caller, typeof value.tenant === "string" ? value.tenant : undefined);
    // Before the request is validated: a caller who may not update learns nothing else about the update.
    if (isUpdate(value.task)) requireScope(caller, "update");
    ownUpload(value, caller, cloud.buckets.uploads);
    const requestId = typeof value.requestId === "string" ? value.requestId : "";
    const [outcome] = await acceptAll({ db, plans, settings, s3: async () => cloud.s3, source: "http" }, [
      { value: { tenant, ...value }, requestId, tenant, traceparent: validTraceparent(request.headers[TRACEPARENT]) },
    ]);
    if (!outcome || "error" in outcome)
      throw outcome?.error ?? new JobError("Internal", { reason: "the request was lost." });
    const failed = await deliverResponses(cloud.sqs, cloud.queues, db, outcome.send).catch((error) => [{ error }]);
    for (const { error } of failed)
      request.log.warn({ err: error }, "the response could not be sent or recorded; the sweep will send it");
    const id = outcome.request.requestId;
    const isNew = outcome.outcome === "ACCEPTED";
    if (isNew) {
      await audit(request, tenant, id, value, retried);
      await wake(request);
    }
    return { requestId: id, tenant, status: outcome.status, isNew };
  };

  return { submit, wake };
}

/** What of a valid task the audit trail has: what it does, in short. A purge's parameters say what it removes. */
function shownTask(task: unknown): Record<string, unknown> {
  const { type, query, target, mode, dryRun, statement, params } = task as Record<string, unknown>;
  const shown = { type, query, target, mode, dryRun, statement, ...(statement === undefined ? {} : { params }) };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined));
}

/** Whether a task that is not validated yet is an update. */
export const isUpdate = (task: unknown): boolean => (task as { type?: unknown } | null | undefined)?.type === "update";

/** A file that was uploaded through this API is its tenant's; an admin may use any. */
function ownUpload(value: Record<string, unknown>, caller: Caller, bucket: string): void {
  const location = (value.task as { source?: { s3?: unknown } } | undefined)?.source?.s3;
  if (typeof location !== "string" || caller.scopes.includes("admin")) return;
  if (!location.startsWith(`s3://${bucket}/${uploadPrefix(caller.tenant)}/`))
    throw new JobError("SourceNotAllowed", {
      source: redactUrl(location),
      reason: "it is not an upload of this tenant. `rates load` makes one.",
    });
}
