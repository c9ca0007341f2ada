import { JobError } from "../../contract/errors.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { JobId, JobResponse, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/** GET /jobs/{id}/response: the response as sent, or about to be sent, to the tenant's queue, byte for byte. */
export const responseRoute: JobRoutePlugin = async (app, { db, guard }) => {
  app.get(
    "/jobs/:id/response",
    operation(guard, {
      id: "getResponse",
      tag: "jobs",
      scope: "read",
      summary: "The response of a job, as sent to the queue",
      params: JobId,
      querystring: TenantQuery,
      answers: { 200: { description: "the response", schema: JobResponse } },
      errors: ["UnknownJob", "NotFinished"],
    }),
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const { rows } = await db.query(
        "select d.status, r.body from jobs.documents d left join jobs.responses r on r.job_id = d.id where d.tenant = $1 and d.request_id = $2",
        [tenant, request.params.id],
      );
      if (!rows[0]) throw new JobError("UnknownJob", { requestId: request.params.id, tenant });
      if (!rows[0].body) throw new JobError("NotFinished", { status: rows[0].status });
      return reply.type("application/json; charset=utf-8").send(rows[0].body);
    },
  );
};
