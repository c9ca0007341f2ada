import { JobResponse } from "../../contract/document.ts";
import { readFinishedJob } from "../finishedJob.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/** GET /jobs/{id}/response: the stored response. With `reply: queue`, the message has the same bytes as its body. */
export const responseRoute: JobRoutePlugin = async (app, { db, guard }) => {
  app.get(
    "/jobs/:id/response",
    operation(guard, {
      id: "getResponse",
      tag: "jobs",
      scope: "read",
      summary: "The response of a job",
      params: JobId,
      querystring: TenantQuery,
      responses: { 200: { description: "the response", schema: JobResponse } },
      errors: ["UnknownJob", "NotFinished"],
    }),
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const { body } = await readFinishedJob(db, tenant, request.params.id);
      return reply.type("application/json; charset=utf-8").send(body);
    },
  );
};
