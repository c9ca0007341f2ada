import Type from "typebox";
import { RequestId, Tenant } from "../../contract/request.ts";
import { launchesOf, PHASES, phasesOf, type TimelineSource } from "../../monitoring/timeline.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { tenantOf } from "../tenant.ts";
import { readDocument } from "./jobs.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Id = Type.Object({ id: RequestId });
const Query = Type.Object({ tenant: Type.Optional(Tenant) }, { additionalProperties: false });
const TimelineResponse = Type.Object({
  phases: Type.Array(
    Type.Object({
      phase: Type.Enum([...PHASES]),
      from: Type.String(),
      to: Type.Optional(Type.String({ description: "absent while the phase lasts" })),
      attempt: Type.Optional(Type.Integer()),
      runner: Type.Optional(Type.String()),
      outcome: Type.Optional(Type.String()),
    }),
  ),
});

/** GET /jobs/{id}/timeline: the phases of a job. */
export const timelineRoute: JobRoutePlugin = async (app, { guard, ...deps }) => {
  app.get(
    "/jobs/:id/timeline",
    operation(guard, {
      id: "getTimeline",
      tag: "jobs",
      scope: "read",
      summary: "The phases of a job: waiting, starting, running, responding",
      params: Id,
      querystring: Query,
      responses: { 200: { description: "phases in order", schema: TimelineResponse } },
      errors: ["UnknownJob"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const job = await readDocument<TimelineSource>(deps, tenant, request.params.id);
      return { phases: phasesOf(job, await launchesOf(deps.db, job)) };
    },
  );
};
