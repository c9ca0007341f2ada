import { finished, pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { FastifyReply, FastifyRequest } from "fastify";
import { parse as parseRange, type Range } from "range-parser";
import Type from "typebox";
import { JobError } from "../../contract/errors.ts";
import { S3_CONNECTIONS } from "../../platform/aws.ts";
import type { JobServices } from "../deps.ts";
import { matchesEtag } from "../etag.ts";
import { readSucceededJob } from "../finishedJob.ts";
import { inlineResult } from "../inlineResult.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { findReport } from "../reports.ts";
import { mediaTypesOf, type Representation, represent } from "../representation.ts";
import { objectAt, openResult, type StoredArtifact } from "../resultObject.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import { TenantLimiter } from "../tenantLimiter.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const DELIVERIES = ["redirect", "stream", "link"] as const;
const Query = Type.Object(
  {
    ...TenantQuery.properties,
    delivery: Type.Optional(
      Type.Enum([...DELIVERIES], {
        description: "for results in S3: redirect to a presigned link, stream the bytes, or return the link as JSON",
      }),
    ),
    redirect: Type.Optional(Type.Boolean({ deprecated: true, description: "false: same as delivery=link" })),
  },
  { additionalProperties: false },
);
const Link = Type.Object({
  location: Type.String({ format: "uri", description: "presigned link, valid for a limited time without a token" }),
  expiresInSeconds: Type.Integer(),
  format: Type.String(),
  compression: Type.String(),
  rows: Type.Integer(),
  bytes: Type.Integer(),
  sha256: Type.String(),
});
const Bytes = Type.Unsafe<string>({ type: "string", description: "rows in the job's format" });
const BODIES = Object.fromEntries(
  [
    ...mediaTypesOf({ format: "csv", compression: "gzip" }),
    ...mediaTypesOf({ format: "ndjson", compression: "none" }),
  ].map((type) => [type, Bytes]),
);
const DESCRIPTION = `A small result is in the response; a large one in S3 is delivered as \`delivery\` requests (default: the stack's
\`api.resultDelivery\`). \`Accept\` must allow the result's format. A compressed result is sent as a file (\`application/gzip\`)
unless \`Accept\` names its format; then it is sent with \`Content-Encoding: gzip\` if \`Accept-Encoding\` allows it, otherwise
decompressed. \`Range: bytes=…\` selects one range unless the result is decompressed; \`If-Range\` and \`If-None-Match\` take
the ETag. A result never changes.`;
/** Lifetime of a presigned link to a result. */
const LINK_SECONDS = 900;

/** Maximum numbers of results streamed from S3 at once, per process and per tenant. Each stream uses a connection. */
const MAX_STREAMS = S3_CONNECTIONS - 100;
const MAX_STREAMS_PER_TENANT = 16;

/** A downloadable file of a job. */
interface Artifact {
  name: "result" | "report";
  id: string;
  summary: string;
  description: string;
  /** Error code when the artifact does not exist. */
  missingError: "NoResult" | "NoReport";
  find(deps: JobServices, tenant: string, requestId: string): Promise<StoredArtifact>;
}

const ARTIFACTS: readonly Artifact[] = [
  {
    name: "result",
    id: "getResult",
    summary: "A job's result: its bytes, or a redirect to them",
    description: DESCRIPTION,
    missingError: "NoResult",
    find: findResult,
  },
  {
    name: "report",
    id: "getReport",
    summary: "Every bad row of a failed batch as CSV: line, column, value, reason",
    description: `All problems of the bad rows; the error's \`details\` may list only the first ones. Delivered like a result.`,
    missingError: "NoReport",
    find: findReport,
  },
];

/** GET /jobs/{id}/result and /report: a job's result, and the bad rows of its batch. */
export const resultRoutes: JobRoutePlugin = async (app, options) => {
  const limiter = new TenantLimiter(MAX_STREAMS, MAX_STREAMS_PER_TENANT, "other results are being downloaded");
  for (const artifact of ARTIFACTS) await app.register(artifactRoute(artifact, limiter), options);
};

/** Creates the plugin of an artifact's route. */
const artifactRoute =
  (artifact: Artifact, limiter: TenantLimiter): JobRoutePlugin =>
  async (app, { guard, ...deps }) => {
    const { s3 } = deps.cloud;
    app.get(
      `/jobs/:id/${artifact.name}`,
      {
        ...operation(guard, {
          id: artifact.id,
          tag: "jobs",
          scope: "read",
          summary: artifact.summary,
          description: artifact.description,
          params: JobId,
          querystring: Query,
          responses: {
            200: {
              description: `the ${artifact.name}, or with delivery=link its location`,
              content: { ...BODIES, "application/json": Type.Union([Link, Type.Unknown()]) },
              headers: { ETag: Type.String(), "Accept-Ranges": Type.String() },
            },
            206: { description: "the requested range", content: { ...BODIES, "application/json": Bytes } },
            302: {
              description: `location of the ${artifact.name}`,
              headers: { Location: Type.String({ format: "uri" }) },
            },
            304: { description: "not modified" },
          },
          errors: [
            "UnknownJob",
            "NotFinished",
            artifact.missingError,
            "ResultGone",
            "NotAcceptable",
            "RangeNotSatisfiable",
            "StorageUnavailable",
            "Busy",
          ],
        }),
      },
      async (request, reply) => {
        const requestId = request.params.id;
        const { delivery = request.query.redirect === false ? "link" : deps.settings.api.resultDelivery } =
          request.query;
        const stored = await artifact.find(deps, tenantOf(callerOfRequest(request), request.query.tenant), requestId);
        // Accept does not apply to a link: the response is JSON, which states the compression of the stored bytes.
        const isLink = delivery === "link" && stored.location !== undefined;
        const representation = represent(stored, isLink ? {} : request.headers);
        if (!representation) {
          const accept = String(request.headers.accept).slice(0, 200);
          throw new JobError("NotAcceptable", {
            artifact: artifact.name,
            accept,
            stored: mediaTypesOf(stored).join(" or "),
            ...(artifact.name === "result"
              ? { alternative: "; a read can be submitted again with another format" }
              : {}),
          });
        }
        const etag = `"${stored.responseId}${representation.etagSuffix}"`;
        const fileName =
          `${requestId}.${artifact.name === "report" ? "report." : ""}${representation.extension}`.replace(
            /[^\w.-]/g,
            "_",
          );
        const disposition = `attachment; filename="${fileName}"`;
        reply.headers({ etag, vary: "Accept, Accept-Encoding", "cache-control": "private, no-cache" });
        if (!isLink && matchesEtag(request.headers["if-none-match"], etag)) return reply.code(304).send();

        if (stored.location !== undefined && delivery !== "stream" && !representation.isDecompressed) {
          const location = await getSignedUrl(
            s3,
            new GetObjectCommand({
              ...objectAt(stored.location),
              ResponseContentDisposition: disposition,
              ResponseContentType: representation.type,
              ...(representation.encoding ? { ResponseContentEncoding: representation.encoding } : {}),
            }),
            { expiresIn: LINK_SECONDS },
          );
          if (delivery === "redirect") return reply.removeHeader("etag").redirect(location, 302);
          return reply.removeHeader("etag").send({ ...stored.link, location, expiresInSeconds: LINK_SECONDS });
        }
        if (stored.location !== undefined && request.method !== "HEAD")
          finished(reply.raw, limiter.take(callerOfRequest(request).tenant));
        reply.header("content-disposition", disposition).type(representation.type);
        if (representation.encoding) reply.header("content-encoding", representation.encoding);
        return sendBytes(request, reply, s3, stored, representation, { requestId, artifact: artifact.name });
      },
    );
  };

/** Sends the bytes, or the requested range. Decompressed results have no ranges. */
async function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  s3: S3Client,
  stored: StoredArtifact,
  representation: Representation,
  { requestId, artifact }: { requestId: string; artifact: Artifact["name"] },
): Promise<FastifyReply> {
  const inline = stored.location === undefined ? bytesOf(stored) : undefined;
  const size = inline?.length ?? stored.bytes;
  const range = representation.isDecompressed ? undefined : rangeOf(request, reply, size, artifact);
  if (!representation.isDecompressed) {
    reply.header("accept-ranges", "bytes").header("content-length", range ? range.end - range.start + 1 : size);
    if (range) reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${size}`);
  }
  if (request.method === "HEAD") return reply.send(Readable.from([]));
  if (inline && !representation.isDecompressed)
    return reply.send(range ? inline.subarray(range.start, range.end + 1) : inline);
  const source = inline ? Readable.from([inline]) : await openResult(s3, stored.location ?? "", range, requestId);
  // If one of the streams fails, both are destroyed, and the client notices a truncated body.
  return reply.send(representation.isDecompressed ? pipeline(source, createGunzip(), () => undefined) : source);
}

/**
 * Returns the requested range; undefined for the whole result or report, for example if the header is invalid or has several
 * ranges.
 */
function rangeOf(
  request: FastifyRequest,
  reply: FastifyReply,
  size: number,
  artifact: Artifact["name"],
): Range | undefined {
  const { range, "if-range": ifRange } = request.headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== reply.getHeader("etag"))) return undefined;
  const { code, type, ranges } = parseRange(size, range);
  if (type !== "bytes" || (code & 1) !== 0 || ranges.length > 1) return undefined;
  if (ranges[0]) return ranges[0];
  reply.header("content-range", `bytes */${size}`);
  throw new JobError("RangeNotSatisfiable", { artifact, range: range.slice(0, 100), bytes: size });
}

async function findResult({ db }: JobServices, tenant: string, requestId: string): Promise<StoredArtifact> {
  const { document, result, body } = await readSucceededJob(db, tenant, requestId);
  const { location, format, bytes } = result;
  return {
    responseId: document.responseId,
    inline: inlineResult(body) ?? null,
    location,
    format,
    bytes: Number(bytes ?? 0),
    // The compression of an update is that of its source.
    compression: document.task.type === "read" ? (document.task.compression ?? "none") : "none",
    link: result,
  };
}

const bytesOf = ({ inline, compression }: StoredArtifact): Buffer =>
  Buffer.from(inline ?? "", compression === "gzip" ? "base64" : "utf8");
