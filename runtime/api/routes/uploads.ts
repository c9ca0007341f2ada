import { createHash, randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, type Guard } from "../plugins/auth.ts";

/** S3: parts of 5 MiB (but the last) to 5 GiB, 10,000 at most, an object of 5 TiB at most (S3 User Guide, limits). */
const PART_BYTES = 8 * 1024 * 1024;
/** Fewer than S3 takes: the SDK needs 100 ms of the process's time to name 10,000 parts. */
const MOST_PARTS = 1_100;
const LINK_SECONDS = 6 * 3600;
/** Links of one answer at most: signing one takes a third of a millisecond of the process's time. */
const MOST_LINKS = 100;
/** Links that are signed before other requests have their turn. */
const LINKS_AT_ONCE = 20;

const NewUpload = Type.Object(
  {
    fileName: Type.String({ minLength: 1, maxLength: 200 }),
    bytes: Type.Integer({ minimum: 1, maximum: 5 * 1024 ** 4 }),
  },
  { additionalProperties: false },
);
const Link = Type.Object({ partNumber: Type.Integer(), url: Type.String() });
const Upload = Type.Object({
  id: Type.String(),
  location: Type.String({ description: "the s3 source to name in an update, once the upload is complete" }),
  partBytes: Type.Integer({ description: "the size of every part but the last" }),
  partCount: Type.Integer({ description: "how many parts there are" }),
  parts: Type.Array(Link, {
    description: `links for the first ${MOST_LINKS} parts; POST /uploads/{id}/parts has the others`,
  }),
});
const Range = Type.Object(
  {
    from: Type.Integer({ minimum: 1, maximum: MOST_PARTS, default: 1, description: "number of the first part" }),
    count: Type.Integer({ minimum: 1, maximum: MOST_LINKS, default: MOST_LINKS, description: "links at most" }),
  },
  { additionalProperties: false },
);
const Id = Type.Object({ id: Type.String({ pattern: "^[A-Za-z0-9_-]+$", maxLength: INPUT.uploadId }) });
const Complete = Type.Object(
  {
    parts: Type.Array(
      Type.Object(
        { partNumber: Type.Integer({ minimum: 1, maximum: MOST_PARTS }), etag: Type.String({ maxLength: INPUT.etag }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: MOST_PARTS },
    ),
  },
  { additionalProperties: false },
);

/** Where a tenant's uploads lie: no name of a tenant in a key. */
export const uploadPrefix = (tenant: string): string => createHash("sha256").update(tenant).digest("hex").slice(0, 16);

/** POST /uploads: a file goes straight to S3 in parts, over links that say nothing about credentials. */
export function uploadRoutes(app: FastifyInstance, { cloud, settings }: JobDeps, guard: Guard): void {
  const { s3, buckets } = cloud;

  /** Presigned links for `count` parts from number `from` on. */
  const links = async (target: { Bucket: string; Key: string; UploadId: string }, from: number, count: number) => {
    const parts: Static<typeof Link>[] = [];
    for (let partNumber = from; partNumber < from + count; partNumber++) {
      const command = new UploadPartCommand({ ...target, PartNumber: partNumber });
      parts.push({ partNumber, url: await getSignedUrl(s3, command, { expiresIn: LINK_SECONDS }) });
      if (parts.length % LINKS_AT_ONCE === 0) await nextTurn();
    }
    return parts;
  };

  app.post<{ Body: Static<typeof NewUpload> }>(
    "/uploads",
    operation(guard, {
      id: "beginUpload",
      tag: "uploads",
      scope: "update",
      summary: "Begin an upload",
      description: "Each part is PUT to its link, which needs no token; the ETags that S3 answers complete the upload.",
      body: NewUpload,
      answers: { 201: { description: "where the parts go", schema: Upload } },
      errors: ["SourceTooLarge", "StorageUnavailable"],
    }),
    async (request, reply) => {
      const { fileName, bytes } = request.body;
      if (bytes > settings.jobs.sourceBytes)
        throw new JobError("SourceTooLarge", { source: fileName, limit: settings.jobs.sourceBytes });
      const target = {
        Bucket: buckets.uploads,
        Key: `${uploadPrefix(callerOfRequest(request).tenant)}/${randomUUID()}/${fileName.replace(/[^\w.-]/g, "_")}`,
      };
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
      const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS));
      const partCount = Math.ceil(bytes / partBytes);
      const parts = await links({ ...target, UploadId: UploadId ?? "" }, 1, Math.min(partCount, MOST_LINKS));
      return reply.code(201).send({
        id: encode(target.Key, UploadId ?? ""),
        location: `s3://${target.Bucket}/${target.Key}`,
        partBytes,
        partCount,
        parts,
      });
    },
  );

  // POST, since it creates links: it does not tell whether the upload is under way, which S3 says of the parts.
  app.post<{ Params: Static<typeof Id>; Querystring: Static<typeof Range> }>(
    "/uploads/:id/parts",
    operation(guard, {
      id: "linkParts",
      tag: "uploads",
      scope: "update",
      summary: "Links for further parts of an upload",
      params: Id,
      querystring: Range,
      answers: { 200: { description: "a link per part", schema: Type.Object({ parts: Type.Array(Link) }) } },
      errors: ["NotFound"],
    }),
    async (request) => {
      const upload = decode(request.params.id, callerOfRequest(request).tenant);
      const { from, count } = request.query;
      return {
        parts: await links({ Bucket: buckets.uploads, ...upload }, from, Math.min(count, MOST_PARTS + 1 - from)),
      };
    },
  );

  app.post<{ Params: Static<typeof Id>; Body: Static<typeof Complete> }>(
    "/uploads/:id/complete",
    operation(guard, {
      id: "completeUpload",
      tag: "uploads",
      scope: "update",
      summary: "Put an upload's parts together",
      params: Id,
      body: Complete,
      answers: { 200: { description: "the source to name in an update", schema: Type.Pick(Upload, ["location"]) } },
      errors: ["NotFound", "SourceNotFound", "StorageUnavailable"],
    }),
    async (request) => {
      const upload = decode(request.params.id, callerOfRequest(request).tenant);
      const Parts = request.body.parts
        .map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }))
        .sort((a, b) => a.PartNumber - b.PartNumber);
      await s3
        .send(new CompleteMultipartUploadCommand({ Bucket: buckets.uploads, ...upload, MultipartUpload: { Parts } }))
        .catch(refused(upload.Key));
      return { location: `s3://${buckets.uploads}/${upload.Key}` };
    },
  );

  app.delete<{ Params: Static<typeof Id> }>(
    "/uploads/:id",
    operation(guard, {
      id: "abortUpload",
      tag: "uploads",
      scope: "update",
      summary: "Give an upload up",
      params: Id,
      answers: { 204: { description: "it is gone" } },
      errors: ["NotFound", "SourceNotFound", "StorageUnavailable"],
    }),
    async (request, reply) => {
      const upload = decode(request.params.id, callerOfRequest(request).tenant);
      await s3.send(new AbortMultipartUploadCommand({ Bucket: buckets.uploads, ...upload })).catch(refused(upload.Key));
      return reply.code(204).send();
    },
  );
}

const encode = (key: string, uploadId: string) => Buffer.from(`${key}\n${uploadId}`).toString("base64url");

/** Only a tenant's own uploads: the key says whose it is. */
function decode(id: string, tenant: string): { Key: string; UploadId: string } {
  const [Key = "", UploadId = ""] = Buffer.from(id, "base64url").toString().split("\n");
  if (UploadId === "" || !Key.startsWith(`${uploadPrefix(tenant)}/`))
    throw new JobError("NotFound", { path: `/uploads/${id}` });
  return { Key, UploadId };
}

const refused = (key: string) => (error: Error & { $metadata?: { httpStatusCode?: number } }) => {
  const status = error.$metadata?.httpStatusCode ?? 500;
  if (status < 500)
    throw new JobError(
      "SourceNotFound",
      { source: key, reason: `S3 answered ${error.name}: ${error.message}` },
      { cause: error },
    );
  throw error;
};
