import Type from "typebox";
import { Tenant } from "../../contract/request.ts";
import { readUsage, type Usage } from "../../monitoring/totals.ts";
import type { Settings } from "../../platform/settings.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { tenantOf } from "../tenant.ts";
import type { RoutePlugin } from "./plugin.ts";

/** Tenants of an answer, the largest first. */
const LIMIT = 1_000;
const HOUR = 3_600;

const Query = Type.Object(
  {
    month: Type.Optional(
      Type.String({
        pattern: "^(19|20)\\d{2}-(0[1-9]|1[0-2])$",
        description: "YYYY-MM (UTC); left out, the current month",
      }),
    ),
    tenant: Type.Optional({ ...Tenant, description: "another tenant than the caller's own: takes an admin" }),
  },
  { additionalProperties: false },
);
const count = (description: string) => Type.Integer({ minimum: 0, description });
const Answer = Type.Object({
  month: Type.String({ description: "YYYY-MM (UTC)" }),
  tenants: Type.Array(
    Type.Object({
      tenant: Type.String(),
      succeeded: count("jobs that succeeded"),
      failed: count("jobs that failed"),
      cancelled: count("jobs that were cancelled"),
      rows: count("rows of results, and rows that updates changed"),
      bytes: count("bytes of results and sources"),
      glueSeconds: Type.Number({ minimum: 0, description: "time of attempts on Glue" }),
      ec2Seconds: Type.Number({ minimum: 0, description: "time of attempts on EC2" }),
      estimatedUsd: Type.Optional(
        Type.Number({
          minimum: 0,
          description: "that time at list prices, without idle time; left out where the platform has no prices",
        }),
      ),
    }),
  ),
  furtherTenants: Type.Boolean({ description: "whether there are more tenants than an answer lists" }),
});

/** What a tenant's attempts cost at list prices; undefined without a price for a runner type that it used. */
export function estimatedUsd(
  { glueSeconds, ec2Seconds }: Pick<Usage, "glueSeconds" | "ec2Seconds">,
  { glue, ec2 }: Settings["runners"],
): number | undefined {
  const used = [
    { seconds: glueSeconds, price: glue.usdPerHour },
    { seconds: ec2Seconds, price: ec2.usdPerHour },
  ];
  if (used.some(({ price }) => price === undefined)) return undefined;
  return used.reduce((sum, { seconds, price = 0 }) => sum + (seconds / HOUR) * price, 0);
}

/** GET /usage: jobs, rows and run time of a month. A tenant's own; an admin's without `tenant` is everybody's. */
export const usageRoute: RoutePlugin = async (app, { db, settings, guard }) => {
  app.get(
    "/usage",
    operation(guard, {
      id: "getUsage",
      tag: "operations",
      scope: "read",
      summary: "Jobs, rows, run time and estimated cost of a month, by tenant",
      querystring: Query,
      answers: { 200: { description: "tenants with the most run time first, at most 1,000", schema: Answer } },
    }),
    async (request) => {
      const { query } = request;
      const caller = callerOfRequest(request);
      const isAdmin = caller.scopes.includes("admin");
      const tenant = query.tenant === undefined && isAdmin ? undefined : tenantOf(caller, query.tenant);
      const month = query.month ?? new Date().toISOString().slice(0, 7);
      const found = await readUsage(db, { month, tenant, limit: LIMIT + 1 });
      const tenants = found.slice(0, LIMIT).map((usage) => {
        const usd = estimatedUsd(usage, settings.runners);
        return { ...usage, ...(usd === undefined ? {} : { estimatedUsd: usd }) };
      });
      return { month, tenants, furtherTenants: found.length > LIMIT };
    },
  );
};
