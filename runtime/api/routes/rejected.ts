import Type from "typebox";
import { RejectedDocument } from "../../contract/document.ts";
import { ERRORS, JobError } from "../../contract/errors.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import { listRejected, RejectedPage } from "../../requests/rejectedList.ts";
import { checkTimeRange, instantOf, SearchTime } from "../jobFilter.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { NO_NUL, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const ID = "^[0-9a-f]{32}$";
const RejectedId = Type.Object({
  id: Type.String({ pattern: ID, description: "a rejectedId of GET /rejected or GET /jobs?status=REJECTED" }),
});

const Filters = Type.Object(
  {
    ...TenantQuery.properties,
    type: Type.Optional(Type.Enum(Object.keys(ERRORS), { description: "error type" })),
    source: Type.Optional(Type.Enum(["queue", "http"], { description: "channel of the request" })),
    text: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: INPUT.search.text,
        ...NO_NUL,
        description: "part of the request id, error message or beginning of the body, case-insensitive",
      }),
    ),
    prefix: Type.Optional(
      Type.String({ pattern: "^[0-9a-f]{1,32}$", description: "the beginning of a rejectedId, in lower-case hex" }),
    ),
    since: Type.Optional(SearchTime),
    until: Type.Optional(SearchTime),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    before: Type.Optional(
      Type.String({ pattern: ID, description: "the rejectedId of the last entry of the previous page" }),
    ),
  },
  { additionalProperties: false },
);

/** GET /rejected and GET /rejected/{id}: requests that created no job, with their problems. */
export const rejectedRoutes: JobRoutePlugin = async (app, { db, guard }) => {
  app.get(
    "/rejected",
    operation(guard, {
      id: "listRejected",
      tag: "jobs",
      scope: "read",
      summary: "Rejected requests by cause, and each with reason and times",
      querystring: Filters,
      responses: { 200: { description: "newest first", schema: RejectedPage } },
    }),
    async (request) => {
      const { tenant, since, until, limit, before, ...filter } = request.query;
      const caller = callerOfRequest(request);
      const isForAll = caller.scopes.includes("admin") && tenant === undefined;
      const shownTenant = isForAll ? undefined : tenantOf(caller, tenant);
      checkTimeRange({ since, until });
      const times = { since: since && instantOf(since), until: until && instantOf(until) };
      return listRejected(db, { ...filter, ...times, tenant: shownTenant }, { limit, before });
    },
  );

  app.get(
    "/rejected/:id",
    operation(guard, {
      id: "getRejected",
      tag: "jobs",
      scope: "read",
      summary: "A rejected request: the beginning of its body, and its problems",
      params: RejectedId,
      querystring: TenantQuery,
      responses: { 200: { description: "the rejected request", schema: RejectedDocument } },
      errors: ["UnknownRejected"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const { id } = request.params;
      const { rows } = await db.query("select document from jobs.rejected_documents where id = $1 and tenant = $2", [
        id,
        tenant,
      ]);
      if (!rows[0]) throw new JobError("UnknownRejected", { id, tenant });
      return rows[0].document;
    },
  );
};
