import { randomUUID } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { acceptAll } from "../jobs/accept.ts";
import { JobError } from "../jobs/errors.ts";
import { brief } from "../jobs/problems.ts";
import { Request as JobRequest, RequestId, Tenant } from "../jobs/request.ts";
import { sendResponse } from "../jobs/responses.ts";
import { RUNNERS, STATES } from "../jobs/states.ts";
import { cancel } from "../jobs/store.ts";
import type { Caller } from "../jobs/tokens.ts";
import { InvalidCursor } from "../tracking/store.ts";
import { callerOfRequest, type Guard } from "./auth.ts";
import type { JobDeps } from "./deps.ts";
import { invalid } from "./problem.ts";
import { uploadPrefix } from "./uploads.ts";

const Id = Type.Object({ id: RequestId });
/** An admin may look at another tenant's jobs. */
const Whose = Type.Object({ tenant: Type.Optional(Tenant) }, { additionalProperties: false });
const Status = Type.Object({ requestId: Type.String(), tenant: Type.String(), status: Type.String() });

/** Postgres has no year 0. */
const Time = Type.String({ format: "date-time", pattern: "^(?!0000)", description: "an ISO time" });

const Filters = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    text: Type.Optional(
      Type.String({ maxLength: 200, description: "words in the request id, labels, query or error" }),
    ),
    status: Type.Optional(Type.Enum([...STATES])),
    type: Type.Optional(Type.Enum(["read", "update"])),
    runner: Type.Optional(Type.Enum([...RUNNERS])),
    label: Type.Optional(Type.String({ pattern: "^[^=\\u0000]+=[^\\u0000]*$", description: "of the form key=value" })),
    createdFrom: Type.Optional(Time),
    createdTo: Type.Optional(Time),
    sort: Type.Enum(["createdAt", "finishedAt", "totalMs"], { default: "createdAt" }),
    order: Type.Enum(["asc", "desc"], { default: "desc" }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50 }),
    cursor: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_-]+$", description: "the cursor of an earlier page" })),
  },
  { additionalProperties: false },
);

/** The tenant that a call is about: the caller's own, or, for an admin, the one it names. */
export function tenantOf(caller: Caller, named: string | undefined): string {
  if (named === undefined || named === caller.tenant) return caller.tenant;
  if (!caller.scopes.includes("admin")) throw new JobError("Forbidden", { scope: "admin" });
  return named;
}

/** POST /jobs, GET /jobs, GET /jobs/{id}, and what can be done to a job. */
export function jobRoutes(app: FastifyInstance, deps: JobDeps, guard: Guard): void {
  const { db, settings, cloud, tracking } = deps;

  /** Takes a request in on behalf of a caller, and answers what became of it. */
  const submit = async (value: Record<string, unknown>, request: FastifyRequest, reply: FastifyReply) => {
    const caller = callerOfRequest(request);
    const tenant = tenantOf(caller, typeof value.tenant === "string" ? value.tenant : undefined);
    ownUpload(value, caller, cloud.buckets.uploads);
    const requestId = typeof value.requestId === "string" ? value.requestId : "";
    const [outcome] = await acceptAll({ db, settings, s3: async () => cloud.s3, answers: false }, [
      { value: { tenant, ...value }, requestId, tenant },
    ]);
    if (!outcome || "error" in outcome)
      throw outcome?.error ?? new JobError("Internal", { reason: "the request was lost." });
    for (const response of outcome.send)
      await sendResponse(cloud.sqs, cloud.queues, db, response).catch((error) =>
        request.log.warn({ err: error }, "the response could not be sent; the sweep will"),
      );
    if (outcome.outcome === "ACCEPTED") await wake(request);
    const id = outcome.request.requestId;
    return reply
      .code(outcome.outcome === "ACCEPTED" ? 202 : 200)
      .header("location", `/jobs/${encodeURIComponent(id)}`)
      .send({ requestId: id, tenant, status: outcome.status });
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
      onRequest: guard("submit"),
      // The contract's own validation names all problems at once; see runtime/jobs/request.ts.
      validatorCompiler: () => () => true,
      schema: { summary: "Submit a job", body: Type.Partial(JobRequest), response: { 200: Status, 202: Status } },
    },
    (request, reply) => {
      const { body } = request;
      if (body === null || typeof body !== "object" || Array.isArray(body))
        throw invalid([{ field: "request", message: "has to be a JSON object." }]);
      return submit({ requestId: randomUUID(), ...body }, request, reply);
    },
  );

  app.get<{ Querystring: Static<typeof Filters> }>(
    "/jobs",
    { onRequest: guard("read"), schema: { summary: "Search jobs", querystring: Filters } },
    async (request) => {
      const { label, status, tenant, ...search } = request.query;
      const caller = callerOfRequest(request);
      const [key = "", value = ""] = label?.split(/=(.*)/s) ?? [];
      const whose = caller.scopes.includes("admin") && tenant === undefined ? {} : { tenant: tenantOf(caller, tenant) };
      const page = await tracking
        .search({
          ...search,
          ...whose,
          ...(status ? { status: [status] } : {}),
          ...(label ? { labels: { [key]: value } } : {}),
        })
        .catch((error: unknown) => {
          if (!(error instanceof InvalidCursor)) throw error;
          throw invalid([{ field: "cursor", value: brief(search.cursor), message: error.message }]);
        });
      return { jobs: page.documents, ...(page.cursor ? { cursor: page.cursor } : {}) };
    },
  );

  app.get<{ Params: Static<typeof Id>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id",
    { onRequest: guard("read"), schema: { summary: "A job's document", params: Id, querystring: Whose } },
    (request) => documentOf(deps, tenantOf(callerOfRequest(request), request.query.tenant), request.params.id),
  );

  app.post<{ Params: Static<typeof Id>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id/cancel",
    {
      onRequest: guard("cancel"),
      schema: { summary: "Cancel a job", params: Id, querystring: Whose, response: { 200: Status, 202: Status } },
    },
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const requestId = request.params.id;
      const status = await cancel(db, tenant, requestId);
      if (status === undefined) throw new JobError("UnknownJob", { requestId, tenant });
      // One that waited has ended with this; its response is due.
      if (status === "CANCELLED") await wake(request);
      return reply.code(status === "IN_PROGRESS" ? 202 : 200).send({ requestId, tenant, status });
    },
  );

  app.post<{ Params: Static<typeof Id>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id/retry",
    {
      onRequest: guard("submit"),
      schema: {
        summary: "Submit an ended job's task again, as a new job",
        params: Id,
        querystring: Whose,
        response: { 200: Status, 202: Status },
      },
    },
    async (request, reply) =>
      submit(
        await retryOf(deps, tenantOf(callerOfRequest(request), request.query.tenant), request.params.id),
        request,
        reply,
      ),
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

/** With `.retry-` and up to six digits behind it an id is as long as it may be: 128 characters. */
const LONGEST_RETRIED = 115;

/** The kept request as a new one: `<id>.retry-N`, labelled retryOf. */
async function retryOf({ db }: JobDeps, tenant: string, requestId: string): Promise<Record<string, unknown>> {
  const { rows } = await db.query("select jobs.kept_request($1, $2) as kept", [tenant, requestId]);
  const kept = rows[0].kept as {
    status: string;
    task: Record<string, unknown>;
    inline: unknown[] | null;
    labels: Record<string, string>;
    priority: number;
    timeoutSeconds: number;
  } | null;
  if (!kept) throw new JobError("UnknownJob", { requestId, tenant });
  if (kept.status !== "FAILED" && kept.status !== "CANCELLED")
    throw new JobError("NotRetryable", { requestId, status: kept.status });
  const base = requestId.replace(/\.retry-\d+$/, "").slice(0, LONGEST_RETRIED);
  const { rows: earlier } = await db.query(
    "select coalesce(max(substring(request_id from '\\.retry-(\\d{1,5})$')::int), 0) + 1 as next from jobs.documents where tenant = $1 and starts_with(request_id, $2)",
    [tenant, `${base}.retry-`],
  );
  const { etag: _, ...source } = (kept.task.source ?? {}) as Record<string, unknown>;
  const task = {
    ...kept.task,
    ...(kept.task.source ? { source: kept.inline ? { inline: kept.inline } : source } : {}),
  };
  return {
    requestId: `${base}.retry-${earlier[0].next}`,
    tenant,
    task,
    priority: kept.priority,
    timeoutSeconds: kept.timeoutSeconds,
    labels: { ...kept.labels, retryOf: requestId },
  };
}

/** A file that was uploaded through this API is its tenant's; an admin may use any. */
function ownUpload(value: Record<string, unknown>, caller: Caller, bucket: string): void {
  const location = (value.task as { source?: { s3?: unknown } } | undefined)?.source?.s3;
  if (typeof location !== "string" || caller.scopes.includes("admin")) return;
  if (!location.startsWith(`s3://${bucket}/${uploadPrefix(caller.tenant)}/`))
    throw new JobError("SourceNotAllowed", {
      source: location,
      reason: "it is not an upload of this tenant. `rates load` makes one.",
    });
}
