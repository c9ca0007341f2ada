import type { FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { Status } from "../../contract/document.ts";
import { ERRORS } from "../../contract/errors.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { RequestId } from "../../contract/request.ts";
import {
  BULK_JOBS,
  type BulkAction,
  type BulkCounts,
  type BulkOutcome,
  cancelJob,
  changeJobs,
  countJobs,
  retryJob,
  type Selection,
} from "../bulkJobs.ts";
import { CancelFields, cancelReasonOf } from "../cancelReason.ts";
import { JobFilterFields, jobFilterOf } from "../jobFilter.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const fields = {
  filter: Type.Optional(
    Type.Object(JobFilterFields, {
      additionalProperties: false,
      description: "as in GET /jobs; {} matches every job that the action applies to",
    }),
  ),
  ids: Type.Optional(
    Type.Array(RequestId, { minItems: 1, maxItems: BULK_JOBS, description: "ids of the jobs, instead of a filter" }),
  ),
  dryRun: Type.Boolean({ default: false, description: "only count the jobs" }),
  limit: Type.Integer({
    minimum: 1,
    maximum: BULK_JOBS,
    default: BULK_JOBS,
    description: "maximum number of jobs per call with a filter",
  }),
  cursor: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9_-]+$",
      maxLength: INPUT.search.cursor,
      description: "the cursor of the previous call with the same filter",
    }),
  ),
};
const Cancel = Type.Object({ ...fields, ...CancelFields }, { additionalProperties: false });
const Retry = Type.Object(
  {
    ...fields,
    includeFinal: Type.Boolean({ default: false, description: "include jobs whose error would recur" }),
  },
  { additionalProperties: false },
);

const Count = Type.Integer({ minimum: 0 });
const Outcome = Type.Object({
  matched: Type.Integer({ minimum: 0, description: "matching jobs; without dryRun, those of this call" }),
  eligible: Type.Integer({ minimum: 0, description: "jobs that the action applies to" }),
  byStatus: Type.Record(Type.String(), Count),
  byErrorType: Type.Record(Type.String(), Count),
  done: Count,
  unchanged: Type.Integer({ minimum: 0, description: "jobs that had already ended, or were already retried" }),
  jobs: Type.Array(
    Type.Object({
      ...Type.Pick(Status, ["requestId", "status"]).properties,
      retryId: Type.Optional({ ...RequestId, description: "id of the retry" }),
    }),
  ),
  failed: Type.Array(
    Type.Object({ requestId: RequestId, type: Type.Enum(Object.keys(ERRORS)), message: Type.String() }),
  ),
  cursor: Type.Optional(Type.String({ description: "for the next call; absent if no jobs are left" })),
});

type Body = Static<typeof Cancel> & Partial<Static<typeof Retry>>;
type BulkRequest = Static<typeof TenantQuery>;

/** POST /bulk/cancel and POST /bulk/retry: cancel or retry many jobs of a tenant, a bounded number per call. */
export const bulkRoutes: JobRoutePlugin = async (app, { guard, submitter, ...deps }) => {
  const perform = async (
    action: BulkAction,
    request: FastifyRequest<{ Querystring: BulkRequest; Body: Body }>,
  ): Promise<BulkOutcome> => {
    const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
    const { dryRun, includeFinal = false } = request.body;
    const reason = cancelReasonOf(request.body);
    const selection = selectionOf(tenant, request.body);
    if (dryRun) return dryRunOutcome(await countJobs(deps, action, selection, includeFinal));
    const change = (requestId: string) =>
      action === "cancel"
        ? cancelJob(deps, request, tenant, requestId, reason)
        : retryJob(deps, submitter, request, tenant, requestId);
    const outcome = await changeJobs(deps, action, selection, { includeFinal, change });
    // A waiting job ends when it is cancelled, so its response is due.
    if (action === "cancel" && outcome.done > 0) await submitter.wake(request);
    return outcome;
  };

  app.post(
    "/bulk/cancel",
    operation(guard, {
      id: "cancelJobs",
      tag: "jobs",
      scope: "cancel",
      summary: "Cancel many jobs",
      description: `At most ${BULK_JOBS} jobs per call; repeat with the returned cursor until it is absent. A filter uses the search index, which is up to a minute behind.`,
      querystring: TenantQuery,
      body: Cancel,
      responses: { 200: { description: "counts, and the cancelled jobs; in a dry run only counts", schema: Outcome } },
      errors: ["UnknownJob", "TrackingUnavailable"],
    }),
    (request) => perform("cancel", request),
  );

  app.post(
    "/bulk/retry",
    operation(guard, {
      id: "retryJobs",
      tag: "jobs",
      scope: "submit",
      summary: "Retry many jobs that failed or were cancelled",
      description: `At most ${BULK_JOBS} jobs per call; repeat with the returned cursor until it is absent. Jobs whose error would recur are skipped unless includeFinal is true. Updates also need the scope \`update\`.`,
      querystring: TenantQuery,
      body: Retry,
      responses: { 200: { description: "counts, and the retried jobs; in a dry run only counts", schema: Outcome } },
      errors: ["UnknownJob", "TrackingUnavailable", "Busy", "StorageUnavailable"],
    }),
    (request) => perform("retry", request),
  );
};

/**
 * Returns the selection of a request.
 * @throws JobError InvalidRequest unless it has exactly one of filter and ids
 */
function selectionOf(tenant: string, { filter, ids, limit, cursor }: Body): Selection {
  if ((filter === undefined) === (ids === undefined))
    throw invalidRequest([{ field: "filter", message: "is required, unless ids is given. Send one of the two." }]);
  if (ids !== undefined && cursor !== undefined)
    throw invalidRequest([{ field: "cursor", message: "is valid only with a filter. Remove it." }]);
  return {
    tenant,
    limit,
    ...(ids ? { ids } : {}),
    ...(filter ? { filter: jobFilterOf(filter, "filter.") } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/** Returns the response of a dry run. */
const dryRunOutcome = (counts: BulkCounts): BulkOutcome => ({
  ...counts,
  done: 0,
  unchanged: 0,
  jobs: [],
  failed: [],
  cursor: undefined,
});
