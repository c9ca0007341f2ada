import { createHash, randomUUID } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import { redactUrl } from "../../contract/redact.ts";
import { type Reply, requestIdPattern } from "../../contract/request.ts";
import type { State } from "../../contract/states.ts";
import { uploadPrefix } from "../../contract/uploads.ts";
import { acceptAll } from "../../requests/accept.ts";
import { deliverResponses } from "../../requests/responses.ts";
import { cancelFor, recordAudit } from "../../store/audit.ts";
import type { Caller } from "../../store/tokens.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest, type Guard, lacksScope, requireScope } from "../plugins/auth.ts";
import { invalid } from "../problem.ts";
import { JobDocument, JobId, STATUS_EXAMPLE, Status, Whose } from "../schemas.ts";
import { submissionSchema } from "../submission.ts";

/** The tenant that a call is about: the caller's own, or, for an admin, the one it names. */
export function tenantOf(caller: Caller, named: string | undefined): string {
  if (named === undefined || named === caller.tenant) return caller.tenant;
  if (!caller.scopes.includes("admin")) throw lacksScope("admin");
  return named;
}

/** What can keep a sound request from being taken in. */
const SUBMITTING = [
  "RequestIdConflict",
  "TooManyWaiting",
  "InvalidSql",
  "NotOneStatement",
  "Busy",
  "SourceNotFound",
  "SourceNotAllowed",
  "StorageUnavailable",
] as const;
const LOCATION = { Location: Type.String({ description: "the path of the job" }) };

const Prefix = Type.Object(
  {
    ...Whose.properties,
    prefix: Type.Optional(
      Type.String({
        pattern: requestIdPattern.source,
        description: "the beginning of the ids, in their own case; none of its characters is a wildcard",
      }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: "ids at most" }),
  },
  { additionalProperties: false },
);
const JobIds = Type.Object({
  ids: Type.Array(Type.Pick(Status, ["requestId", "status"])),
  more: Type.Boolean({ description: "whether there are others" }),
});
const Retry = Type.Object(
  {
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, description: "another time than the job had" })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 9, description: "another priority than the job had" })),
  },
  { additionalProperties: false },
);

/** POST /jobs, GET /jobs/{id}, and what can be done to a job. */
export function jobRoutes(app: FastifyInstance, deps: JobDeps, guard: Guard): void {
  const { db, plans, settings, cloud } = deps;

  /** Takes a request in on behalf of a caller, and answers what became of it. */
  const submit = async (value: Record<string, unknown>, request: FastifyRequest, reply: FastifyReply) => {
    const caller = callerOfRequest(request);
    const tenant = tenantOf(caller, typeof value.tenant === "string" ? value.tenant : undefined);
    // Before the request is validated: a caller who may not update learns nothing else about the update.
    if (isUpdate(value.task)) requireScope(caller, "update");
    ownUpload(value, caller, cloud.buckets.uploads);
    const requestId = typeof value.requestId === "string" ? value.requestId : "";
    const [outcome] = await acceptAll({ db, plans, settings, s3: async () => cloud.s3, source: "http" }, [
      { value: { tenant, ...value }, requestId, tenant },
    ]);
    if (!outcome || "error" in outcome)
      throw outcome?.error ?? new JobError("Internal", { reason: "the request was lost." });
    const failed = await deliverResponses(cloud.sqs, cloud.queues, db, outcome.send).catch((error) => [{ error }]);
    for (const { error } of failed)
      request.log.warn({ err: error }, "the response could not be sent or recorded; the sweep will send it");
    const id = outcome.request.requestId;
    if (outcome.outcome === "ACCEPTED") {
      await audit(request, tenant, id, value);
      await wake(request);
    }
    // To look at it an admin must name the tenant again.
    const whose = tenant === caller.tenant ? "" : `?${new URLSearchParams({ tenant })}`;
    return reply
      .code(outcome.outcome === "ACCEPTED" ? 202 : 200)
      .header("location", `/jobs/${encodeURIComponent(id)}${whose}`)
      .send({ requestId: id, tenant, status: outcome.status });
  };

  /** The job is committed whatever becomes of this. */
  const audit = async (request: FastifyRequest, tenant: string, target: string, value: Record<string, unknown>) => {
    const { retryOf } = (value.labels ?? {}) as { retryOf?: unknown };
    const isRetry = request.url.split("?")[0]?.endsWith("/retry") === true;
    const detail = { ...shownTask(value.task), ...(isRetry ? { retryOf } : {}) };
    const record = { tenant, ...actorOf(request), action: isRetry ? "retry" : "submit", target, detail } as const;
    await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "no audit entry"));
  };

  /** The job is committed: should this call be lost, the dispatcher's schedule finds it. */
  const wake = async (request: FastifyRequest) => {
    await cloud.sqs
      .send(new SendMessageCommand({ QueueUrl: cloud.queues.wakeups, MessageBody: "{}" }))
      .catch((error) =>
        request.log.warn({ err: error }, "the wake-up could not be sent; the schedule will start the job"),
      );
  };

  app.post(
    "/jobs",
    {
      ...operation(guard, {
        id: "submitJob",
        tag: "jobs",
        scope: "submit",
        summary: "Submit a job",
        description:
          "An update needs the scope `update` beside `submit`. Send it again as often as you like: the same requestId with the same task is the same job.",
        body: submissionSchema(settings.jobs),
        answers: {
          200: {
            description: "a repeat: the job is there already",
            schema: Status,
            example: STATUS_EXAMPLE,
            headers: LOCATION,
          },
          202: { description: "accepted", schema: Status, example: STATUS_EXAMPLE, headers: LOCATION },
        },
        errors: [...SUBMITTING],
      }),
      // The contract's own validation names all problems at once; see runtime/contract/request.ts.
      validatorCompiler: () => () => true,
    },
    (request, reply) => {
      const { body } = request;
      if (body === null || typeof body !== "object" || Array.isArray(body))
        throw invalid([{ field: "request", message: "must be a JSON object." }]);
      return submit({ requestId: randomUUID(), ...body }, request, reply);
    },
  );

  app.get<{ Params: Static<typeof JobId>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id",
    operation(guard, {
      id: "getJob",
      tag: "jobs",
      scope: "read",
      summary: "A job's document, as it stands now",
      params: JobId,
      querystring: Whose,
      answers: { 200: { description: "the document", schema: JobDocument } },
      errors: ["UnknownJob"],
    }),
    (request) => documentOf(deps, tenantOf(callerOfRequest(request), request.query.tenant), request.params.id),
  );

  app.post<{ Params: Static<typeof JobId>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id/cancel",
    operation(guard, {
      id: "cancelJob",
      tag: "jobs",
      scope: "cancel",
      summary: "Cancel a job",
      params: JobId,
      querystring: Whose,
      answers: {
        200: { description: "it has ended, by this or before", schema: Status },
        202: { description: "it runs, and will be ended", schema: Status },
      },
      errors: ["UnknownJob"],
    }),
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const requestId = request.params.id;
      const status = await cancelFor(db, actorOf(request), tenant, requestId);
      if (status === undefined) throw new JobError("UnknownJob", { requestId, tenant });
      // One that waited has ended with this; its response is due.
      if (status === "CANCELLED") await wake(request);
      return reply.code(status === "IN_PROGRESS" ? 202 : 200).send({ requestId, tenant, status });
    },
  );

  app.get<{ Querystring: Static<typeof Prefix> }>(
    "/job-ids",
    operation(guard, {
      id: "findJobIds",
      tag: "jobs",
      scope: "read",
      summary: "Ids of jobs by their beginning; without one, of the newest",
      description: "Reads the jobs themselves, so a job that was just submitted is found.",
      querystring: Prefix,
      answers: { 200: { description: "by id where there is a prefix, else the newest first", schema: JobIds } },
    }),
    async (request) => {
      const { prefix, limit, tenant: named } = request.query;
      return jobIds(deps, tenantOf(callerOfRequest(request), named), prefix, limit);
    },
  );

  app.post<{ Params: Static<typeof JobId>; Querystring: Static<typeof Whose>; Body: Static<typeof Retry> | null }>(
    "/jobs/:id/retry",
    {
      // What a retry changes may be left out, and the body with it.
      preValidation: async (request) => {
        request.body ??= {};
      },
      ...operation(guard, {
        id: "retryJob",
        tag: "jobs",
        scope: "submit",
        summary: "Submit an ended job's task again, as a new job",
        description:
          "An update needs the scope `update` beside `submit`. To retry a job twice is one retry: the second answer is about the same job.",
        params: JobId,
        querystring: Whose,
        body: Retry,
        answers: {
          200: { description: "the retry is there already", schema: Status },
          202: { description: "accepted, under an id of its own", schema: Status, headers: LOCATION },
        },
        errors: ["UnknownJob", "NotRetryable", ...SUBMITTING],
      }),
    },
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      return submit(await retryOf(deps, tenant, request.params.id, request.body ?? {}), request, reply);
    },
  );
}

/** The current document: from the job itself, so that it is never behind. */
export async function documentOf(
  { db }: Pick<JobDeps, "db">,
  tenant: string,
  requestId: string,
): Promise<Record<string, unknown>> {
  const { rows } = await db.query("select document from jobs.documents where tenant = $1 and request_id = $2", [
    tenant,
    requestId,
  ]);
  if (!rows[0]) throw new JobError("UnknownJob", { requestId, tenant });
  return rows[0].document;
}

/** With `.retry-` and five digits an id is as long as it may be: 128 characters. */
const LONGEST_RETRIED = 116;
const LAST_RETRY = 99_999;

/**
 * The id of a job's retry: `<id>.retry-1`, and of a retry itself the next number. It follows from the job's id, so that
 * two retries of one job are one job, whichever way they come.
 */
export function retryIdOf(requestId: string): string {
  const [, base = requestId, number = "0"] = /^(.+)\.retry-(\d{1,5})$/s.exec(requestId) ?? [];
  if (Number(number) >= LAST_RETRY) return `${requestId.slice(0, LONGEST_RETRIED)}.retry-1`;
  if (base.length <= LONGEST_RETRIED) return `${base}.retry-${Number(number) + 1}`;
  // Of two long ids with the same beginning the retries are two jobs.
  const mark = createHash("sha256").update(base).digest("hex").slice(0, 16);
  return `${base.slice(0, LONGEST_RETRIED - mark.length - 1)}.${mark}.retry-${Number(number) + 1}`;
}

/** The kept request as a new one: labelled retryOf, with what the caller changes about it. */
async function retryOf(
  { db }: JobDeps,
  tenant: string,
  requestId: string,
  changes: Static<typeof Retry>,
): Promise<Record<string, unknown>> {
  const { rows } = await db.query("select jobs.kept_request($1, $2) as kept", [tenant, requestId]);
  const kept = rows[0].kept as {
    status: string;
    task: Record<string, unknown>;
    inline: unknown[] | null;
    labels: Record<string, string>;
    priority: number;
    timeoutSeconds: number;
    reply: Reply;
  } | null;
  if (!kept) throw new JobError("UnknownJob", { requestId, tenant });
  if (kept.status !== "FAILED" && kept.status !== "CANCELLED")
    throw new JobError("NotRetryable", { requestId, status: kept.status });
  const { versionId: _version, etag: _etag, ...source } = (kept.task.source ?? {}) as Record<string, unknown>;
  const task = {
    ...kept.task,
    ...(kept.task.source ? { source: kept.inline ? { inline: kept.inline } : source } : {}),
  };
  return {
    requestId: retryIdOf(requestId),
    tenant,
    task,
    priority: changes.priority ?? kept.priority,
    timeoutSeconds: changes.timeoutSeconds ?? kept.timeoutSeconds,
    reply: kept.reply,
    labels: { ...kept.labels, retryOf: requestId },
  };
}

/** Newest jobs of all tenants that are looked through for a tenant's own, before its documents are searched. */
const NEWEST = 10_000;

async function jobIds(
  { db, tracking }: JobDeps,
  tenant: string,
  prefix: string | undefined,
  limit: number,
): Promise<Static<typeof JobIds>> {
  const page = (found: { requestId: string; status: unknown }[]) => ({
    ids: found.slice(0, limit).map(({ requestId, status }) => ({ requestId, status: status as State })),
    more: found.length > limit,
  });
  const columns = `select request_id as "requestId", status from jobs.documents where tenant = $1`;
  if (prefix !== undefined) {
    // Every character of an id comes before {.
    const range = `${columns} and request_id >= $2 collate "C" and request_id < $3 collate "C" order by request_id limit $4`;
    const { rows } = await db.query(range, [tenant, prefix, `${prefix}{`, limit + 1]);
    return page(rows);
  }
  const newest = `${columns} and id > (select coalesce(max(id), 0) - ${NEWEST} from jobs.documents) order by id desc limit $2`;
  const { rows } = await db.query(newest, [tenant, limit + 1]);
  if (rows.length > limit) return page(rows);
  // What the search lacks, since it may be a second behind, is among the newest.
  const { documents } = await tracking.search({ tenant, limit: limit + 1 });
  const known = new Set(rows.map(({ requestId }) => requestId));
  return page([...rows, ...documents.filter(({ requestId }) => !known.has(requestId))]);
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
