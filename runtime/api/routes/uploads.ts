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

/** S3: parts of 5 MiB (but the last) to 5 GiB, 10,000 at most, an object of 5 TiB at most (S3 User Guide, limits). */
export const PART_BYTES = 8 * 1024 * 1024;
/** Fewer than S3 takes: the SDK needs 100 ms of the process's time to name 10,000 parts. */
export const MOST_PARTS = 1_100;
const LINK_SECONDS = 6 * 3600;
/** Links of one answer at most: signing one takes a third of a millisecond of the process's time. */
const MOST_LINKS = 100;
/** An uploaded file is used again for a day; the bucket keeps it longer. Milliseconds. */
const FRESH_MS = 24 * 3_600_000;
/** The key of an upload whose content's hash is known: prefix and hash. */
const CONTENT_KEY = /^[0-9a-f]{16}\/[0-9a-f]{64}$/;
const locationOf = ({ Bucket, Key }: { Bucket: string; Key: string }) => ({ location: `s3://${Bucket}/${Key}` });
/** Links that are signed before other requests have their turn. */
const LINKS_AT_ONCE = 20;

const NewUpload = Type.Object(
  {
    fileName: Type.String({ minLength: 1, maxLength: 200 }),
    bytes: Type.Integer({ minimum: 1, maximum: 5 * 1024 ** 4 }),
    sha256: Type.Optional(
      Type.String({
        pattern: "^[0-9a-f]{64}$",
        description:
          "of the file: the location then follows from it, and a file that was uploaded lately is not sent again",
      }),
    ),
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
const Location = Type.Pick(Upload, ["location"]);
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

/** POST /uploads: a file goes straight to S3 in parts, over links that say nothing about credentials. */
export const uploadRoutes: JobRoutePlugin = async (app, { cloud, settings, guard }) => {
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

  /** Whether an object was uploaded so lately that a job can still rely on it. */
  const isFresh = async (object: { Bucket: string; Key: string }): Promise<boolean> => {
    try {
      const { LastModified } = await s3.send(new HeadObjectCommand(object));
      return LastModified !== undefined && Date.now() - LastModified.getTime() < FRESH_MS;
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 500;
      // Without the right to list a bucket, S3 says 403 of what does not exist.
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
      description: "Each part is PUT to its link, which needs no token; the ETags that S3 answers complete the upload.",
      body: NewUpload,
      answers: {
        200: { description: "this content is there already: nothing is to be sent", schema: Location },
        201: { description: "where the parts go", schema: Upload },
      },
      errors: ["SourceTooLarge", "StorageUnavailable"],
    }),
    async (request, reply) => {
      const { fileName, bytes, sha256 } = request.body;
      if (bytes > settings.jobs.sourceBytes)
        throw new JobError("SourceTooLarge", { source: fileName, limit: settings.jobs.sourceBytes });
      const target = {
        Bucket: buckets.uploads,
        Key: `${uploadPrefix(callerOfRequest(request).tenant)}/${sha256 ?? `${randomUUID()}/${fileName.replace(/[^\w.-]/g, "_")}`}`,
      };
      if (sha256 !== undefined && (await isFresh(target))) return reply.code(200).send(locationOf(target));
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
      const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS));
      const partCount = Math.ceil(bytes / partBytes);
      const parts = await links({ ...target, UploadId: UploadId ?? "" }, 1, Math.min(partCount, MOST_LINKS));
      return reply.code(201).send({
        id: encode(target.Key, UploadId ?? ""),
        ...locationOf(target),
        partBytes,
        partCount,
        parts,
      });
    },
  );

  // POST, since it creates links: it does not tell whether the upload is under way, which S3 says of the parts.
  app.post(
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
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      const { from, count } = request.query;
      return {
        parts: await links({ Bucket: buckets.uploads, ...upload }, from, Math.min(count, MOST_PARTS + 1 - from)),
      };
    },
  );

  app.post(
    "/uploads/:id/complete",
    operation(guard, {
      id: "completeUpload",
      tag: "uploads",
      scope: "update",
      summary: "Put an upload's parts together",
      params: Id,
      body: Complete,
      answers: { 200: { description: "the source to name in an update", schema: Location } },
      errors: ["NotFound", "SourceNotFound", "StorageUnavailable"],
    }),
    async (request) => {
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      const Parts = request.body.parts
        .map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }))
        .sort((a, b) => a.PartNumber - b.PartNumber);
      const { Key } = upload;
      const target = { Bucket: buckets.uploads, ...upload };
      // The same content may have arrived by another upload: a job that has pinned it would lose it by a new one.
      if (CONTENT_KEY.test(Key) && (await isFresh({ Bucket: buckets.uploads, Key })))
        await s3.send(new AbortMultipartUploadCommand(target)).catch(refused(Key));
      else
        await s3
          .send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }))
          .catch(refused(Key));
      return locationOf({ Bucket: buckets.uploads, Key });
    },
  );

  app.delete(
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
      const upload = decodeUpload(request.params.id, callerOfRequest(request).tenant);
      await s3.send(new AbortMultipartUploadCommand({ Bucket: buckets.uploads, ...upload })).catch(refused(upload.Key));
      return reply.code(204).send();
    },
  );
};

const encode = (key: string, uploadId: string) => Buffer.from(`${key}\n${uploadId}`).toString("base64url");

/** Only a tenant's own uploads: the key says whose it is. */
export function decodeUpload(id: string, tenant: string): { Key: string; UploadId: string } {
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
