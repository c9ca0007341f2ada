import Type from "typebox";
import { RUNNERS } from "../../contract/states.ts";
import { readWaitingJob, WAITING_REASONS, waitingOf } from "../../monitoring/waiting.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import { readDocument } from "./jobs.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Count = Type.Integer({ minimum: 0 });
const WaitingResponse = Type.Object({
  waiting: Type.Optional(
    Type.Object(
      {
        reason: Type.Enum([...WAITING_REASONS]),
        sentence: Type.String({ description: "text for users: what the job waits for, and what is ahead of it" }),
        remedy: Type.Optional(Type.String({ description: "text for users: how to run more jobs at once" })),
        runner: Type.Enum([...RUNNERS]),
        ahead: Type.Integer({ minimum: 0, maximum: 1_001, description: "jobs ahead of it; 1001: more than 1,000" }),
        busy: Count,
        slots: Count,
        waitedSeconds: Type.Number({ minimum: 0 }),
      },
      { description: "absent for a job that is not waiting" },
    ),
  ),
});

/** GET /jobs/{id}/waiting: why a job waits, and how many jobs are ahead of it. */
export const waitingRoute: JobRoutePlugin = async (app, { guard, ...deps }) => {
  app.get(
    "/jobs/:id/waiting",
    operation(guard, {
      id: "getWaiting",
      tag: "jobs",
      scope: "read",
      summary: "Why a job waits, and how many jobs are ahead of it",
      params: JobId,
      querystring: TenantQuery,
      responses: { 200: { description: "the current reason", schema: WaitingResponse } },
      errors: ["UnknownJob"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const job = await readWaitingJob(deps.db, tenant, request.params.id);
      if (job !== undefined) return { waiting: waitingOf(job, deps.settings, tenant) };
      // The job is not waiting, or does not exist.
      await readDocument(deps, tenant, request.params.id);
      return {};
    },
  );
};
