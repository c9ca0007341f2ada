import { buffer } from "node:stream/consumers";
import Type from "typebox";
import { RequestId, Tenant } from "../../contract/request.ts";
import { succeededJob } from "../finishedJob.ts";
import { inlineResult } from "../inlineResult.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { PREVIEW } from "../preview/cell.ts";
import { previewOf, type ResultStart } from "../preview/rows.ts";
import { openResult } from "../resultObject.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Id = Type.Object({ id: RequestId });
const Query = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    rows: Type.Integer({ minimum: 1, maximum: 1_000, default: 20, description: "maximum number of rows" }),
  },
  { additionalProperties: false },
);
const PreviewResponse = Type.Object({
  columns: Type.Array(Type.String(), { maxItems: PREVIEW.columns }),
  rows: Type.Array(
    Type.Array(
      Type.Union([Type.String(), Type.Null()], {
        description: `numbers with all digits; cells of more than ${PREVIEW.cell} characters are truncated and end in …`,
      }),
    ),
  ),
  more: Type.Boolean({ description: "whether the result has more rows" }),
  furtherColumns: Type.Optional(Type.Integer({ minimum: 1, description: "number of omitted columns" })),
});

/** Bytes read of a result in S3: a few thousand rows. */
const BYTES = 256 * 1024;

/** GET /jobs/{id}/preview: the first rows of a result, inline or in S3, compressed or not. */
export const previewRoute: JobRoutePlugin = async (app, { db, cloud, guard }) => {
  app.get(
    "/jobs/:id/preview",
    operation(guard, {
      id: "getPreview",
      tag: "jobs",
      scope: "read",
      summary: "The first rows of a job's result",
      params: Id,
      querystring: Query,
      answers: { 200: { description: "the first rows", schema: PreviewResponse } },
      errors: ["UnknownJob", "NotFinished", "NoResult", "ResultGone", "StorageUnavailable"],
    }),
    async (request) => {
      const { id: requestId } = request.params;
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const {
        document: { task },
        result,
        body,
      } = await succeededJob(db, tenant, requestId);
      // An update has no rows to show.
      if (task.type !== "read") return { columns: [], rows: [], more: false };
      const gzip = task.compression === "gzip";
      const piece: Omit<ResultStart, "whole"> = { format: result.format, gzip, rows: request.query.rows };
      if (result.location === undefined)
        return previewOf(Buffer.from(inlineResult(body) ?? "", gzip ? "base64" : "utf8"), { ...piece, whole: true });

      // S3 has no range of an empty object.
      const whole = (result.bytes ?? 0) <= BYTES;
      const range = whole ? undefined : { start: 0, end: BYTES - 1 };
      const bytes = await buffer(await openResult(cloud.s3, result.location, range, requestId));
      return previewOf(bytes, { ...piece, whole });
    },
  );
};
