import { buffer } from "node:stream/consumers";
import Type from "typebox";
import { RequestId, Tenant } from "../../contract/request.ts";
import { readSucceededJob } from "../finishedJob.ts";
import { inlineResult } from "../inlineResult.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { PREVIEW } from "../preview/cell.ts";
import { type PreviewOptions, previewOf } from "../preview/rows.ts";
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

/** Maximum number of bytes read from a result in S3: a few thousand rows. */
const MAX_BYTES = 256 * 1024;

/** GET /jobs/{id}/preview: the first rows of a result, inline or in S3, compressed or uncompressed. */
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
      responses: { 200: { description: "the first rows", schema: PreviewResponse } },
      errors: ["UnknownJob", "NotFinished", "NoResult", "ResultGone", "StorageUnavailable"],
    }),
    async (request) => {
      const { id: requestId } = request.params;
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      const {
        document: { task },
        result,
        body,
      } = await readSucceededJob(db, tenant, requestId);
      // An update has no rows to show.
      if (task.type !== "read") return { columns: [], rows: [], more: false };
      const isGzip = task.compression === "gzip";
      const options: Omit<PreviewOptions, "isWhole"> = { format: result.format, isGzip, maxRows: request.query.rows };
      if (result.location === undefined) {
        const content = Buffer.from(inlineResult(body) ?? "", isGzip ? "base64" : "utf8");
        return previewOf(content, { ...options, isWhole: true });
      }
      // A range is requested only of a larger object: S3 refuses any range of an empty one.
      const isWhole = (result.bytes ?? 0) <= MAX_BYTES;
      const range = isWhole ? undefined : { start: 0, end: MAX_BYTES - 1 };
      const content = await buffer(await openResult(cloud.s3, result.location, range, requestId));
      return previewOf(content, { ...options, isWhole });
    },
  );
};
