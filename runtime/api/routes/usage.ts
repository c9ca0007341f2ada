import Type from "typebox";
import { Tenant } from "../../contract/request.ts";
import { readUsage } from "../../monitoring/totals.ts";
import { estimateUsd } from "../cost.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { tenantOf } from "../tenant.ts";
import type { RoutePlugin } from "./plugin.ts";

/** Maximum number of returned tenants. */
const MAX_TENANTS = 1_000;

const Query = Type.Object(
  {
    month: Type.Optional(
      Type.String({
        pattern: "^(19|20)\\d{2}-(0[1-9]|1[0-2])$",
        description: "YYYY-MM (UTC); default: the current month",
      }),
    ),
    tenant: Type.Optional({ ...Tenant, description: "another tenant; admins only" }),
  },
  { additionalProperties: false },
);
const count = (description: string) => Type.Integer({ minimum: 0, description });
const UsageResponse = Type.Object({
  month: Type.String({ description: "YYYY-MM (UTC)" }),
  tenants: Type.Array(
    Type.Object({
      tenant: Type.String(),
      succeeded: count("jobs that succeeded"),
      failed: count("jobs that failed"),
      cancelled: count("jobs that were cancelled"),
      rows: count("rows of results and rows changed by updates"),
      bytes: count("bytes of results and sources"),
      glueSeconds: Type.Number({ minimum: 0, description: "run time on Glue" }),
      ec2Seconds: Type.Number({ minimum: 0, description: "run time on EC2" }),
      estimatedUsd: Type.Optional(
        Type.Number({
          minimum: 0,
          description: "run time at list prices, without idle time; absent if the platform has no prices",
        }),
      ),
    }),
  ),
  furtherTenants: Type.Boolean({ description: "whether there are more tenants" }),
});

/** GET /usage: a tenant's jobs, rows and run time of a month; for an admin without `tenant`, those of all tenants. */
export const usageRoute: RoutePlugin = async (app, { db, settings, guard }) => {
  app.get(
    "/usage",
    operation(guard, {
      id: "getUsage",
      tag: "operations",
      scope: "read",
      summary: "Jobs, rows, run time and estimated cost of a month, by tenant",
      querystring: Query,
      responses: { 200: { description: "tenants with the most run time first, at most 1,000", schema: UsageResponse } },
    }),
    async (request) => {
      const { query } = request;
      const caller = callerOfRequest(request);
      const isAdmin = caller.scopes.includes("admin");
      const tenant = query.tenant === undefined && isAdmin ? undefined : tenantOf(caller, query.tenant);
      const month = query.month ?? new Date().toISOString().slice(0, 7);
      const usages = await readUsage(db, { month, tenant, limit: MAX_TENANTS + 1 });
      const tenants = usages.slice(0, MAX_TENANTS).map((usage) => {
        const usd = estimateUsd(usage, settings.runners);
        return { ...usage, ...(usd === undefined ? {} : { estimatedUsd: usd }) };
      });
      return { month, tenants, furtherTenants: usages.length > MAX_TENANTS };
    },
  );
};
