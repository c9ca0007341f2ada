import { GetObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { JobError } from "../jobs/errors.ts";
import { RequestId, Tenant } from "../jobs/request.ts";
import { callerOfRequest, type Guard } from "./auth.ts";
import type { JobDeps } from "./deps.ts";
import { tenantOf } from "./jobs.ts";

const Id = Type.Object({ id: RequestId });
const Query = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    redirect: Type.Boolean({ default: true, description: "false: answer {location} instead of redirecting to it" }),
  },
  { additionalProperties: false },
);
const CONTENT_TYPE: Record<string, string> = {
  csv: "text/csv; charset=utf-8",
  ndjson: "application/x-ndjson",
  json: "application/json; charset=utf-8",
};
/** How long a link to a result works. Made on request, kept nowhere. */
const LINK_SECONDS = 900;

/** GET /jobs/{id}/result and /response. */
export function resultRoutes(app: FastifyInstance, { db, cloud }: JobDeps, guard: Guard): void {
  app.get<{ Params: Static<typeof Id>; Querystring: Static<typeof Query> }>(
    "/jobs/:id/result",
    {
      onRequest: guard("read"),
      schema: { summary: "A job's result: its bytes, or a redirect to them", params: Id, querystring: Query },
    },
    async (request, reply) => {
      const { id: requestId } = request.params;
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      // The server takes the inline part out of the frozen body, so that figures stay digit for digit.
      const { rows } = await db.query(
        `select d.status, d.document->'error'->>'message' as reason, d.document->'result' as result, d.document->'task'->>'compression' as compression,
           r.body::json #>> '{result,inline}' as inline
         from jobs.documents d left join jobs.responses r on r.job_id = d.id where d.tenant = $1 and d.request_id = $2`,
        [tenant, requestId],
      );
      const [job] = rows;
      if (!job) throw new JobError("UnknownJob", { requestId, tenant });
      const { status, reason, result, compression, inline } = job;
      if (status === "PENDING" || status === "IN_PROGRESS") throw new JobError("NotFinished", { status });
      if (status !== "SUCCEEDED") throw new JobError("NoResult", { status, reason: reason ?? "it was ended." });
      const name = `${requestId}.${result.format}${compression === "gzip" ? ".gz" : ""}`;
      const disposition = `attachment; filename="${name.replace(/[^\w.-]/g, "_")}"`;
      if (result.location) {
        const [Bucket = "", ...key] = result.location.slice("s3://".length).split("/");
        const command = new GetObjectCommand({ Bucket, Key: key.join("/"), ResponseContentDisposition: disposition });
        const location = await getSignedUrl(cloud.s3, command, { expiresIn: LINK_SECONDS });
        return request.query.redirect
          ? reply.redirect(location, 302)
          : reply.send({ ...result, location, expiresInSeconds: LINK_SECONDS });
      }
      if (compression === "gzip")
        return reply
          .type("application/gzip")
          .header("content-disposition", disposition)
          .send(Buffer.from(inline, "base64"));
      return reply
        .type(CONTENT_TYPE[result.format] ?? "application/octet-stream")
        .header("content-disposition", disposition)
        .send(inline);
    },
  );

  app.get<{ Params: Static<typeof Id>; Querystring: { tenant?: string } }>(
    "/jobs/:id/response",
    {
      onRequest: guard("read"),
      schema: {
        summary: "A job's response, as it is sent",
        params: Id,
        querystring: Type.Object({ tenant: Type.Optional(Tenant) }, { additionalProperties: false }),
      },
    },
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
}
