import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, type Guard } from "../plugins/auth.ts";
import { RejectedDocument, Whose } from "../schemas.ts";
import { tenantOf } from "./jobs.ts";

const RejectedId = Type.Object({
  id: Type.String({ pattern: "^[0-9a-f]{32}$", description: "rejectedId of GET /jobs?status=REJECTED" }),
});

/** GET /rejected/{id}: a request that made no job, with its problems. GET /jobs?status=REJECTED finds them. */
export function rejectedRoute(app: FastifyInstance, { db }: JobDeps, guard: Guard): void {
  app.get<{ Params: Static<typeof RejectedId>; Querystring: Static<typeof Whose> }>(
    "/rejected/:id",
    operation(guard, {
      id: "getRejected",
      tag: "jobs",
      scope: "read",
      summary: "A rejected request: the beginning of its body, and its problems",
      params: RejectedId,
      querystring: Whose,
      answers: { 200: { description: "the rejected request", schema: RejectedDocument } },
      errors: ["UnknownRejected"],
    }),
    async (request) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const { id } = request.params;
      const { rows } = await db.query("select document from jobs.rejected_documents where id = $1 and tenant = $2", [
        id,
        tenant,
      ]);
      if (!rows[0]) throw new JobError("UnknownRejected", { id, tenant });
      return rows[0].document;
    },
  );
}
