import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { JobDocument, Status } from "../../contract/document.ts";
import { JobError } from "../../contract/errors.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { requestIdPattern } from "../../contract/request.ts";
import type { State } from "../../contract/states.ts";
import { cancelFor } from "../../store/audit.ts";
import { CancelBody, cancelReasonOf } from "../cancelReason.ts";
import { estimateJobUsd } from "../cost.ts";
import type { JobServices } from "../deps.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest } from "../plugins/auth.ts";
import { RetryChanges, retryRequestOf } from "../retryRequest.ts";
import { JobId, STATUS_EXAMPLE, TenantQuery } from "../schemas.ts";
import { submissionSchema } from "../submission.ts";
import type { SubmittedJob } from "../submitter.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/** Errors of a submission that its schema allows. */
export const SUBMISSION_ERRORS = [
  "RequestIdConflict",
  "TooManyWaiting",
  "InvalidSql",
  "NotOneStatement",
  "Busy",
  "SourceNotFound",
  "SourceNotAllowed",
  "StorageUnavailable",
] as const;
const LOCATION = { Location: Type.String({ description: "path of the job" }) };

const Prefix = Type.Object(
  {
    ...TenantQuery.properties,
    prefix: Type.Optional(
      Type.String({
        pattern: requestIdPattern.source,
        description: "the beginning of an id, case-sensitive, without wildcards",
      }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: "maximum number of ids" }),
  },
  { additionalProperties: false },
);
const JobIds = Type.Object({
  ids: Type.Array(Type.Pick(Status, ["requestId", "status"])),
  more: Type.Boolean({ description: "whether more jobs match" }),
});
/** Responds to a submission: 202 for a new job, 200 for a repeat. */
function sendSubmission(
  reply: FastifyReply,
  { requestId, tenant, status, isNew }: SubmittedJob,
  callerTenant: string,
): FastifyReply {
  // An admin must name another tenant to see its job.
  const query = tenant === callerTenant ? "" : `?${new URLSearchParams({ tenant })}`;
  return reply
    .code(isNew ? 202 : 200)
    .header("location", `/jobs/${encodeURIComponent(requestId)}${query}`)
    .send({ requestId, tenant, status });
}

/** Hook of routes whose body is optional. */
const optionalBody = {
  preValidation: async (request: FastifyRequest): Promise<void> => {
    request.body ??= {};
  },
};

/** A job's document with its estimated cost. */
const JobWithCost = Type.Object({
  ...JobDocument.properties,
  estimatedUsd: Type.Optional(
    Type.Number({
      minimum: 0,
      description: "run time of an ended job at list prices; absent if the platform has no prices",
    }),
  ),
});

/** POST /jobs, GET /jobs/{id}, GET /job-ids, POST /jobs/{id}/cancel and /retry. */
export const jobRoutes: JobRoutePlugin = async (app, { guard, submitter: { submit, wake }, ...deps }) => {
  const { db, settings } = deps;

  app.post(
    "/jobs",
    {
      ...operation(guard, {
        id: "submitJob",
        tag: "jobs",
        scope: "submit",
        summary: "Submit a job",
        description:
          "An update also needs the scope `update`. Submitting is idempotent: the same requestId with the same task is the same job.",
        body: submissionSchema(settings.jobs),
        responses: {
          200: {
            description: "repeated request: the existing job",
            schema: Status,
            example: STATUS_EXAMPLE,
            headers: LOCATION,
          },
          202: { description: "accepted", schema: Status, example: STATUS_EXAMPLE, headers: LOCATION },
        },
        errors: [...SUBMISSION_ERRORS],
      }),
      // The contract's own validation reports all problems at once (runtime/contract/request.ts).
      validatorCompiler: () => () => true,
    },
    async (request, reply) => {
      const { body } = request;
      if (body === null || typeof body !== "object" || Array.isArray(body))
        throw invalidRequest([{ field: "request", message: "must be a JSON object." }]);
      const submitted = await submit({ requestId: randomUUID(), ...body }, request);
      return sendSubmission(reply, submitted, callerOfRequest(request).tenant);
    },
  );

  app.get(
    "/jobs/:id",
    operation(guard, {
      id: "getJob",
      tag: "jobs",
      scope: "read",
      summary: "The current document of a job",
      params: JobId,
      querystring: TenantQuery,
      responses: { 200: { description: "the document", schema: JobWithCost } },
      errors: ["UnknownJob"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const document = await readDocument<JobDocument>(deps, tenant, request.params.id);
      const estimatedUsd = estimateJobUsd(document, settings.runners);
      return { ...document, ...(estimatedUsd === undefined ? {} : { estimatedUsd }) };
    },
  );

  app.post(
    "/jobs/:id/cancel",
    {
      ...optionalBody,
      ...operation(guard, {
        id: "cancelJob",
        tag: "jobs",
        scope: "cancel",
        summary: "Cancel a job",
        params: JobId,
        querystring: TenantQuery,
        body: CancelBody,
        responses: {
          200: { description: "the job has ended", schema: Status },
          202: { description: "the job is running and will be stopped", schema: Status },
        },
        errors: ["UnknownJob"],
      }),
    },
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const requestId = request.params.id;
      const status = await cancelFor(db, actorOf(request), tenant, requestId, cancelReasonOf(request.body));
      if (status === undefined) throw new JobError("UnknownJob", { requestId, tenant });
      // A waiting job ends when it is cancelled, so its response is due.
      if (status === "CANCELLED") await wake(request);
      return reply.code(status === "IN_PROGRESS" ? 202 : 200).send({ requestId, tenant, status });
    },
  );

  app.get(
    "/job-ids",
    operation(guard, {
      id: "findJobIds",
      tag: "jobs",
      scope: "read",
      summary: "Find job ids by prefix; without a prefix, the newest",
      description: "Always current: includes jobs that were just submitted.",
      querystring: Prefix,
      responses: { 200: { description: "by id with a prefix, otherwise newest first", schema: JobIds } },
    }),
    async (request) => {
      const { prefix, limit, tenant: named } = request.query;
      return jobIds(deps, tenantOf(callerOfRequest(request), named), prefix, limit);
    },
  );

  app.post(
    "/jobs/:id/retry",
    {
      ...optionalBody,
      ...operation(guard, {
        id: "retryJob",
        tag: "jobs",
        scope: "submit",
        summary: "Submit an ended job's task again, as a new job",
        description:
          "An update also needs the scope `update`. Retrying a job twice creates one retry: the second call returns the same job.",
        params: JobId,
        querystring: TenantQuery,
        body: RetryChanges,
        responses: {
          200: { description: "repeated request: the existing retry", schema: Status },
          202: { description: "accepted under its own id", schema: Status, headers: LOCATION },
        },
        errors: ["UnknownJob", "NotRetryable", ...SUBMISSION_ERRORS],
      }),
    },
    async (request, reply) => {
      const caller = callerOfRequest(request);
      const tenant = tenantOf(caller, request.query.tenant);
      const { id } = request.params;
      const retry = await retryRequestOf(deps, tenant, id, request.body);
      return sendSubmission(reply, await submit(retry, request, id), caller.tenant);
    },
  );
};

/**
 * Reads the current document from the jobs table, which is never behind.
 * @throws JobError UnknownJob
 */
export async function readDocument<Document extends object = Record<string, unknown>>(
  { db }: Pick<JobServices, "db">,
  tenant: string,
  requestId: string,
): Promise<Document> {
  const { rows } = await db.query<{ document: Document }>(
    "select document from jobs.documents where tenant = $1 and request_id = $2",
    [tenant, requestId],
  );
  if (!rows[0]) throw new JobError("UnknownJob", { requestId, tenant });
  return rows[0].document;
}

/** Number of newest jobs, of all tenants, that are searched for a tenant's jobs before the tracking store is. */
const NEWEST_JOBS = 10_000;

async function jobIds(
  { db, tracking }: JobServices,
  tenant: string,
  prefix: string | undefined,
  limit: number,
): Promise<Static<typeof JobIds>> {
  const page = (jobs: { requestId: string; status: unknown }[]) => ({
    ids: jobs.slice(0, limit).map(({ requestId, status }) => ({ requestId, status: status as State })),
    more: jobs.length > limit,
  });
  const columns = `select request_id as "requestId", status from jobs.documents where tenant = $1`;
  if (prefix !== undefined) {
    // Every character of an id sorts before "{".
    const range = `${columns} and request_id >= $2 collate "C" and request_id < $3 collate "C" order by request_id limit $4`;
    const { rows } = await db.query(range, [tenant, prefix, `${prefix}{`, limit + 1]);
    return page(rows);
  }
  // max(id) would read the whole view, which is a join.
  const newestId = "(select id from jobs.documents order by id desc limit 1)";
  const newest = `${columns} and id > coalesce(${newestId}, 0) - ${NEWEST_JOBS} order by id desc limit $2`;
  const { rows } = await db.query(newest, [tenant, limit + 1]);
  if (rows.length > limit) return page(rows);
  // The tracking store is up to a minute behind (the dispatcher's schedule). The rows include the jobs that it lacks.
  const { documents } = await tracking.search({ tenant, limit: limit + 1 });
  const known = new Set(rows.map(({ requestId }) => requestId));
  return page([...rows, ...documents.filter(({ requestId }) => !known.has(requestId))]);
}
