import Type from "typebox";
import { RUNNERS } from "../../contract/states.ts";
import { readWaitingPlace, WAITING_REASONS, waitingOf } from "../../monitoring/waiting.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import { documentOf } from "./jobs.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Count = Type.Integer({ minimum: 0 });
const Answer = Type.Object({
  waiting: Type.Optional(
    Type.Object(
      {
        reason: Type.Enum([...WAITING_REASONS]),
        sentence: Type.String({ description: "for people: what it waits for, and what is before it" }),
        runner: Type.Enum([...RUNNERS]),
        ahead: Type.Integer({ minimum: 0, maximum: 1_001, description: "jobs before it; 1001: more than 1,000" }),
        busy: Count,
        slots: Count,
        waitedSeconds: Type.Number({ minimum: 0 }),
      },
      { description: "left out for a job that does not wait" },
    ),
  ),
});

/** GET /jobs/{id}/waiting: why a job waits, and what is before it. */
export const waitingRoute: JobRoutePlugin = async (app, { guard, ...deps }) => {
  app.get(
    "/jobs/:id/waiting",
    operation(guard, {
      id: "getWaiting",
      tag: "jobs",
      scope: "read",
      summary: "Why a job waits: what for, and how many jobs are before it",
      params: JobId,
      querystring: TenantQuery,
      answers: { 200: { description: "the reason, as it stands now", schema: Answer } },
      errors: ["UnknownJob"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const place = await readWaitingPlace(deps.db, tenant, request.params.id);
      if (place !== undefined) return { waiting: waitingOf(place, deps.settings, tenant) };
      // It does not wait, or it does not exist.
      await documentOf(deps, tenant, request.params.id);
      return {};
    },
  );
};
