import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { RequestId, Tenant } from "../../contract/request.ts";
import { launchesOf, PHASES, phasesOf, type TimelineSource } from "../../monitoring/timeline.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, type Guard } from "../plugins/auth.ts";
import { tenantOf } from "../tenant.ts";
import { documentOf } from "./jobs.ts";

const Id = Type.Object({ id: RequestId });
const Query = Type.Object({ tenant: Type.Optional(Tenant) }, { additionalProperties: false });
const Answer = Type.Object({
  phases: Type.Array(
    Type.Object({
      phase: Type.Enum([...PHASES]),
      from: Type.String(),
      to: Type.Optional(Type.String({ description: "absent while it lasts" })),
      attempt: Type.Optional(Type.Integer()),
      runner: Type.Optional(Type.String()),
      outcome: Type.Optional(Type.String()),
    }),
  ),
});

/** GET /jobs/{id}/timeline: what a job has spent its time with. */
export function timelineRoute(app: FastifyInstance, deps: JobDeps, guard: Guard): void {
  app.get<{ Params: Static<typeof Id>; Querystring: Static<typeof Query> }>(
    "/jobs/:id/timeline",
    operation(guard, {
      id: "getTimeline",
      tag: "jobs",
      scope: "read",
      summary: "What a job has spent its time with: waiting, starting, running, responding",
      params: Id,
      querystring: Query,
      answers: { 200: { description: "its phases, in order", schema: Answer } },
      errors: ["UnknownJob"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const job = (await documentOf(deps, tenant, request.params.id)) as unknown as TimelineSource;
      return { phases: phasesOf(job, await launchesOf(deps.db, job)) };
    },
  );
}
