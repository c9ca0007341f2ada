import Type from "typebox";
import { Tenant } from "../../contract/request.ts";
import { ACTIONS, CHANNELS, listAudit } from "../../store/audit.ts";
import { checkTimeRange, instantOf } from "../jobFilter.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { NO_NUL, TIME } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import type { RoutePlugin } from "./plugin.ts";

const time = (description: string) => Type.Optional(Type.String({ ...TIME, description }));
const Query = Type.Object(
  {
    tenant: Type.Optional({ ...Tenant, description: "another tenant; admins only" }),
    action: Type.Optional(Type.Enum([...ACTIONS])),
    text: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        ...NO_NUL,
        description: "part of the actor's name or of the target",
      }),
    ),
    since: time("an ISO 8601 time, the inclusive start"),
    until: time("an ISO 8601 time, the exclusive end"),
    before: Type.Optional(
      Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "`next` of the previous page" }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  },
  { additionalProperties: false },
);
const Page = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.Integer(),
      at: Type.String({ format: "date-time" }),
      tenant: Type.String({ description: "tenant of the job, token or session" }),
      actorId: Type.String({ description: "id of the token or session" }),
      actor: Type.String({ description: "name of the token or signed-in user" }),
      via: Type.Enum([...CHANNELS], { description: "channel, as reported by the client" }),
      action: Type.Enum([...ACTIONS]),
      target: Type.String({
        description: "id of the job, token or session; for a redrive its error types or message ids, or `retryable`",
      }),
      detail: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  next: Type.Optional(Type.Integer({ description: "`before` of the next page; absent on the last page" })),
});

/** GET /audit: the audit trail of a tenant; for an admin without `tenant`, of all tenants. */
export const auditRoute: RoutePlugin = async (app, { db, guard }) => {
  app.get(
    "/audit",
    operation(guard, {
      id: "listAudit",
      tag: "operations",
      scope: "read",
      summary: "Audit trail: submissions, cancellations, retries, redrives, token changes, sign-ins and sign-outs",
      querystring: Query,
      responses: { 200: { description: "newest first", schema: Page } },
    }),
    async (request) => {
      const { query } = request;
      const { since, until, limit } = query;
      checkTimeRange({ since, until });
      const caller = callerOfRequest(request);
      const isAdmin = caller.scopes.includes("admin");
      const tenant = query.tenant === undefined && isAdmin ? undefined : tenantOf(caller, query.tenant);
      const times = { since: since && instantOf(since), until: until && instantOf(until) };
      // One entry beyond the limit shows that there is another page.
      const read = await listAudit(db, { ...query, ...times, tenant, limit: limit + 1 });
      const entries = read.slice(0, limit);
      const last = entries.at(-1);
      return { entries, ...(read.length > limit && last ? { next: last.id } : {}) };
    },
  );
};
