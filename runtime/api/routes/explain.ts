import Type from "typebox";
import { classify } from "../../contract/classify.ts";
import { ERRORS } from "../../contract/errors.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { isObject } from "../../contract/problems.ts";
import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import { tenantSlots } from "../../platform/settings.ts";
import { type Estimate, estimate, type ReadTask, rowsDeletedBy, statementOf } from "../../queries/explain.ts";
import { planningQueuesOf } from "../../queries/planningQueue.ts";
import { runnerFor } from "../../requests/route.ts";
import { validateRequest } from "../../requests/validate.ts";
import type { JobServices } from "../deps.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, requireScope } from "../plugins/auth.ts";
import { submissionSchema } from "../submission.ts";
import { isUpdate } from "../submitter.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const ExplainResponse = Type.Object({
  route: Type.Enum([...RUNNERS], { description: "runner type of the job" }),
  room: Type.Object(
    {
      slots: Type.Integer({ description: "maximum number of concurrent runs of this type" }),
      running: Type.Optional(Type.Integer({ description: "runs of this type; admins only" })),
      waiting: Type.Optional(Type.Integer({ description: "waiting jobs of this type, of all tenants; admins only" })),
      now: Type.Boolean({ description: "whether the job would start immediately" }),
    },
    { description: "available capacity" },
  ),
  estimatedRows: Type.Optional(Type.Number({ description: "rows of a read, or rows that a statement would delete" })),
  estimatedBytes: Type.Optional(Type.Number({ description: "reads only; before compression" })),
  cost: Type.Optional(Type.Number({ description: "reads only; in the planner's units" })),
  plan: Type.Optional(
    Type.Unknown({
      description: "reads only; output of EXPLAIN (FORMAT JSON); if long, its beginning as text",
    }),
  ),
});

/** POST /explain: estimated cost and runner type of a request, without creating a job. */
export const explainRoute: JobRoutePlugin = async (app, { db, plans, settings, guard }) => {
  app.post(
    "/explain",
    {
      ...operation(guard, {
        id: "explainJob",
        tag: "jobs",
        scope: "submit",
        summary: "Plan a job without submitting it",
        body: submissionSchema(settings.jobs),
        responses: { 200: { description: "estimate and route", schema: ExplainResponse } },
        errors: ["InvalidSql", "NotOneStatement", "Busy"],
      }),
      validatorCompiler: () => () => true,
    },
    async (request) => {
      const caller = callerOfRequest(request);
      const body = request.body ?? {};
      if (!isObject(body)) throw invalidRequest([{ field: "request", message: "must be a JSON object." }]);
      if (isUpdate(body.task)) requireScope(caller, "update");
      const tenant = tenantOf(caller, typeof body.tenant === "string" ? body.tenant : undefined);
      const { task } = await validateRequest(db, { requestId: "explain", tenant, ...body }, settings.jobs);
      const expected = task.type === "read" ? await estimateTask(plans, tenant, task) : undefined;
      const route = runnerFor(task, settings, expected?.bytes);
      return {
        route,
        room: await slotsFor({ db, settings }, route, tenant, caller.scopes.includes("admin")),
        ...(expected
          ? { estimatedRows: expected.rows, estimatedBytes: expected.bytes, cost: expected.cost, plan: expected.plan }
          : "statement" in task
            ? await estimateDeletedRows(plans, tenant, rowsDeletedBy(task))
            : {}),
      };
    },
  );
};

async function estimateTask(plans: JobServices["plans"], tenant: string, task: ReadTask): Promise<Estimate> {
  try {
    const sql = await statementOf(task, tenant);
    return await planningQueuesOf(plans).run(tenant, () => estimate(plans, sql));
  } catch (error) {
    const jobError = classify(error);
    // Errors in the caller's SQL are reported as the job would report them.
    throw ERRORS[jobError.code].category === "User" ? jobError : error;
  }
}

/** Estimates how many rows a statement would delete. Returns an empty object if that is unknown. */
const estimateDeletedRows = async (plans: JobServices["plans"], tenant: string, sql: string | undefined) =>
  sql === undefined
    ? {}
    : { estimatedRows: (await planningQueuesOf(plans).run(tenant, () => estimate(plans, sql))).rows };

/**
 * Returns a runner type's slots, and whether a job of a tenant would start immediately. Only admins get the counts,
 * which include all tenants.
 */
async function slotsFor(
  { db, settings }: Pick<JobServices, "db" | "settings">,
  runner: RunnerType,
  tenant: string,
  withCounts: boolean,
) {
  const { slots } = settings.runners[runner];
  const { rows } = await db.query(
    "select running, waiting, jobs.would_start($1, $2, $3, $4) as now from jobs.runner_load($1)",
    [runner, slots, tenant, tenantSlots(settings, runner) ?? null],
  );
  const { running, waiting, now } = rows[0];
  return { slots, ...(withCounts ? { running, waiting } : {}), now };
}
