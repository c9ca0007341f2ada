import type { Readable } from "node:stream";
import { UploadPartCommand } from "@aws-sdk/client-s3";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { TenantLimiter } from "../tenantLimiter.ts";
import type { JobRoutePlugin } from "./plugin.ts";
import { decodeUpload, MAX_PARTS, onUploadError, PART_BYTES } from "./uploads.ts";

/** Maximum number of parts in memory, per process and per tenant. */
const MAX_PARTS_IN_MEMORY = 4;
const MAX_PARTS_PER_TENANT = 2;

const Part = Type.Object({
  id: Type.String({ pattern: "^[A-Za-z0-9_-]+$", maxLength: INPUT.uploadId }),
  part: Type.String({ pattern: "^[1-9]\\d{0,3}$" }),
});

/**
 * PUT /uploads/{id}/parts/{part}: uploads a part through the API, for the dashboard, whose content security policy allows
 * requests to this server only. Other clients use the presigned links. The number of parts in memory is limited.
 */
export const uploadPartsRoute: JobRoutePlugin = async (app, { cloud, guard }) => {
  const limiter = new TenantLimiter(MAX_PARTS_IN_MEMORY, MAX_PARTS_PER_TENANT, "other parts are being uploaded");

  // JSON and other content types are refused with 415.
  app.removeAllContentTypeParsers();
  // The handler reads the body, after it has reserved memory.
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
  app.put<{ Params: Static<typeof Part>; Body: Readable | undefined }>(
    "/uploads/:id/parts/:part",
    {
      onRequest: [guard("update")],
      schema: { hide: true, params: Part },
      bodyLimit: PART_BYTES,
    },
    async (request) => {
      const { tenant } = callerOfRequest(request);
      const upload = decodeUpload(request.params.id, tenant);
      const PartNumber = Number(request.params.part);
      if (PartNumber > MAX_PARTS)
        throw invalidRequest([{ field: "path.part", value: PartNumber, message: `must be at most ${MAX_PARTS}.` }]);
      const release = limiter.take(tenant);
      try {
        const Body = await readPart(request.body);
        const { ETag = "" } = await cloud.s3
          .send(new UploadPartCommand({ Bucket: cloud.buckets.uploads, ...upload, PartNumber, Body }))
          .catch(onUploadError(upload.Key));
        return { partNumber: PartNumber, etag: ETag };
      } finally {
        release();
      }
    },
  );
};

/**
 * Reads a body up to the size of a part; an absent body is empty.
 * @throws JobError PartTooLarge
 */
async function readPart(body: Readable | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > PART_BYTES) throw new JobError("PartTooLarge", { limit: PART_BYTES });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
