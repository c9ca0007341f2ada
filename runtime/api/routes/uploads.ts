import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import { uploadPrefix } from "../../contract/uploads.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/**
 * Part size; larger for files that would have more than MAX_PARTS parts. S3 allows parts of 5 MiB (except the last) to
 * 5 GiB, and 10,000 parts (S3 User Guide, multipart upload limits).
 */
export const PART_BYTES = 8 * 1024 * 1024;
/** Maximum number of parts, below S3's: the SDK takes 100 ms to list 10,000 parts. */
export const MAX_PARTS = 1_100;
const LINK_SECONDS = 6 * 3600;
/** Maximum number of links per response: signing one takes a third of a millisecond. */
const MAX_LINKS = 100;
/** Time during which an uploaded file is reused; the bucket keeps it longer. */
const REUSE_MS = 24 * 3_600_000;
/** Matches the key of an upload with a known content hash: prefix and hash. */
const CONTENT_KEY = /^[0-9a-f]{16}\/[0-9a-f]{64}$/;
const locationOf = ({ Bucket, Key }: { Bucket: string; Key: string }) => ({ location: `s3://${Bucket}/${Key}` });
/** Number of links signed per turn of the event loop. */
const LINKS_PER_TURN = 20;

const NewUpload = Type.Object(
  {
    fileName: Type.String({ minLength: 1, maxLength: 200 }),
    bytes: Type.Integer({ minimum: 1, maximum: 5 * 1024 ** 4 }),
    sha256: Type.Optional(
      Type.String({
        pattern: "^[0-9a-f]{64}$",
        description:
          "the SHA-256 of the file in hex: it determines the location, and a recently uploaded file is not sent again",
      }),
    ),
  },
  { additionalProperties: false },
);
const Link = Type.Object({ partNumber: Type.Integer(), url: Type.String() });
const Upload = Type.Object({
  id: Type.String(),
  location: Type.String({ description: "S3 location for an update, once the upload is complete" }),
  partBytes: Type.Integer({ description: "size of every part but the last" }),
  partCount: Type.Integer({ description: "number of parts" }),
  parts: Type.Array(Link, {
    description: `links for the first ${MAX_LINKS} parts; POST /uploads/{id}/parts returns the others`,
  }),
});
const Location = Type.Pick(Upload, ["location"]);
const Range = Type.Object(
  {
    from: Type.Integer({ minimum: 1, maximum: MAX_PARTS, default: 1, description: "number of the first part" }),
    count: Type.Integer({
      minimum: 1,
      maximum: MAX_LINKS,
      default: MAX_LINKS,
      description: "maximum number of links",
    }),
  },
  { additionalProperties: false },
);
const Id = Type.Object({ id: Type.String({ pattern: "^[A-Za-z0-9_-]+$", maxLength: INPUT.uploadId }) });
const Complete = Type.Object(
  {
    parts: Type.Array(
      Type.Object(
        { partNumber: Type.Integer({ minimum: 1, maximum: MAX_PARTS }), etag: Type.String({ maxLength: INPUT.etag }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: MAX_PARTS },
    ),
  },
  { additionalProperties: false },
);

/** POST /uploads: uploads a file directly to S3 in parts, over presigned links. */
export const uploadRoutes: JobRoutePlugin = async (app, { cloud, settings, guard }) => {
  const { s3, buckets } = cloud;

  /** Signs links for `count` parts, starting at number `from`. */
  const signLinks = async (target: { Bucket: string; Key: string; UploadId: string }, from: number, count: number) => {
    const parts: Static<typeof Link>[] = [];
    for (let partNumber = from; partNumber < from + count; partNumber++) {
      const command = new UploadPartCommand({ ...target, PartNumber: partNumber });
      parts.push({ partNumber, url: await getSignedUrl(s3, command, { expiresIn: LINK_SECONDS }) });
      if (parts.length % LINKS_PER_TURN === 0) await nextTurn();
    }
    return parts;
  };

  /** Returns true if an object is recent enough for a job to rely on it. */
  const isFresh = async (object: { Bucket: string; Key: string }): Promise<boolean> => {
    try {
      const { LastModified } = await s3.send(new HeadObjectCommand(object));
      return LastModified !== undefined && Date.now() - LastModified.getTime() < REUSE_MS;
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 500;
      // Without permission to list the bucket, S3 returns 403 for missing objects.
      if (status < 500) return false;
      throw error;
    }
  };

  app.post(
    "/uploads",
    operation(guard, {
      id: "beginUpload",
      tag: "uploads",
      scope: "update",
      summary: "Begin an upload",
      description:
        "PUT each part to its link, which needs no token, then complete the upload with the ETags that S3 returned.",
      body: NewUpload,
      responses: {
        200: { description: "the content is already uploaded", schema: Location },
        201: { description: "links for the parts", schema: Upload },
      },
      errors: ["SourceTooLarge", "StorageUnavailable"],
    }),
    async (request, reply) => {
      const { fileName, bytes, sha256 } = request.body;
      if (bytes > settings.jobs.sourceBytes)
        throw new JobError("SourceTooLarge", { source: fileName, limit: settings.jobs.sourceBytes });
      const target = {
        Bucket: buckets.uploads,
        Key: `${uploadPrefix(callerOfRequest(request).tenant)}/${sha256 ?? `${randomUUID()}/${objectName(fileName)}`}`,
      };
      if (sha256 !== undefined && (await isFresh(target))) return reply.code(200).send(locationOf(target));
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
      const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));
      const partCount = Math.ceil(bytes / partBytes);
      const parts = await signLinks({ ...target, UploadId: UploadId ?? "" }, 1, Math.min(partCount, MAX_LINKS));
      return reply.code(201).send({
        id: encodeUpload(target.Key, UploadId ?? ""),
        ...locationOf(target),
        partBytes,
        partCount,
        parts,
      });
    },
  );

  // POST, since it creates links. S3 checks that the upload exists when parts arrive.
  app.post(
    "/uploads/:id/parts",
    operation(guard, {
      id: "linkParts",
      tag: "uploads",
      scope: "update",
      summary: "Get links for further parts of an upload",
      params: Id,
      querystring: Range,
      responses: { 200: { description: "one link per part", schema: Type.Object({ parts: Type.Array(Link) }) } },
      errors: ["NotFound"],
    }),
    async (request) => {
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      const { from, count } = request.query;
      return {
        parts: await signLinks({ Bucket: buckets.uploads, ...upload }, from, Math.min(count, MAX_PARTS + 1 - from)),
      };
    },
  );

  app.post(
    "/uploads/:id/complete",
    operation(guard, {
      id: "completeUpload",
      tag: "uploads",
      scope: "update",
      summary: "Complete an upload",
      params: Id,
      body: Complete,
      responses: { 200: { description: "S3 location for an update", schema: Location } },
      errors: ["NotFound", "SourceNotFound", "StorageUnavailable"],
    }),
    async (request) => {
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      const Parts = request.body.parts
        .map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }))
        .sort((a, b) => a.PartNumber - b.PartNumber);
      const { Key } = upload;
      const target = { Bucket: buckets.uploads, ...upload };
      // The same content may have been uploaded meanwhile. Overwriting it would break jobs that use its version.
      if (CONTENT_KEY.test(Key) && (await isFresh({ Bucket: buckets.uploads, Key })))
        await s3.send(new AbortMultipartUploadCommand(target)).catch(onUploadError(Key));
      else
        await s3
          .send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }))
          .catch(onUploadError(Key));
      return locationOf({ Bucket: buckets.uploads, Key });
    },
  );

  app.delete(
    "/uploads/:id",
    operation(guard, {
      id: "abortUpload",
      tag: "uploads",
      scope: "update",
      summary: "Abort an upload",
      params: Id,
      responses: { 204: { description: "aborted" } },
      errors: ["NotFound", "SourceNotFound", "StorageUnavailable"],
    }),
    async (request, reply) => {
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      await s3
        .send(new AbortMultipartUploadCommand({ Bucket: buckets.uploads, ...upload }))
        .catch(onUploadError(upload.Key));
      return reply.code(204).send();
    },
  );
};

/** Converts a file name to the last segment of a key, which is never `.` or `..`. */
const objectName = (fileName: string) => fileName.replace(/[^\w.-]/g, "_").replace(/^\.{1,2}$/, "_");

const encodeUpload = (key: string, uploadId: string) => Buffer.from(`${key}\n${uploadId}`).toString("base64url");

/**
 * Decodes an upload's id, which contains the key.
 * @throws JobError NotFound unless the upload belongs to the tenant
 */
export function decodeUpload(id: string, tenant: string): { Key: string; UploadId: string } {
  const [Key = "", UploadId = ""] = Buffer.from(id, "base64url").toString().split("\n");
  if (UploadId === "" || !Key.startsWith(`${uploadPrefix(tenant)}/`))
    throw new JobError("NotFound", { path: `/uploads/${id}` });
  return { Key, UploadId };
}

/** Errors of S3 that the platform causes: credentials, clock and keys. Their messages may contain role names. */
const PLATFORM_ERRORS =
  /^(AccessDenied|ExpiredToken|InvalidToken|InvalidAccessKeyId|SignatureDoesNotMatch|RequestTimeTooSkewed|KMS)/;

/**
 * Handles an error of S3.
 * @throws JobError SourceNotFound if S3 refused the request because of the upload; otherwise the error itself
 */
export const onUploadError = (key: string) => (error: Error & { $metadata?: { httpStatusCode?: number } }) => {
  const status = error.$metadata?.httpStatusCode ?? 500;
  if (status < 500 && status !== 403 && !PLATFORM_ERRORS.test(error.name))
    throw new JobError("SourceNotFound", { source: key, reason: `S3 returned ${error.name}.` }, { cause: error });
  throw error;
};
