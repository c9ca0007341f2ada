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
import { succeededJob } from "../finishedJob.ts";
import { inlineResult } from "../inlineResult.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { storedReport } from "../reports.ts";
import { type Representation, represent, typesOf } from "../representation.ts";
import { objectAt, openResult, type StoredArtifact } from "../resultObject.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import { TenantSlots } from "../tenantSlots.ts";
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
  [...typesOf({ format: "csv", compression: "gzip" }), ...typesOf({ format: "ndjson", compression: "none" })].map(
    (type) => [type, Bytes],
  ),
);
const DESCRIPTION = `A small result is in the response; for a large one in S3 the response is a redirect, unless \`delivery\` says otherwise.
\`Accept\` names the result's own format (or \`application/gzip\` for a compressed result as a file). With
\`Accept-Encoding: gzip\` a compressed result is sent compressed, otherwise decompressed. \`Range: bytes=…\` selects one range
unless the result is decompressed; \`If-Range\` and \`If-None-Match\` take the ETag. A result never changes.`;
/** Lifetime of a presigned link to a result. Seconds. */
const LINK_SECONDS = 900;

/** Maximum results streamed from S3 at once, in total and per tenant. Each uses a connection until it has been sent. */
const STREAMS = S3_CONNECTIONS - 100;
const STREAMS_OF_TENANT = 16;

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
    find: storedResult,
  },
  {
    name: "report",
    id: "getReport",
    summary: "Every bad row of a rejected batch as CSV: line, column, value, reason",
    description: `All bad rows; the error's \`details\` list only the first. Delivered like a result: inline if short, a redirect if long.`,
    missingError: "NoReport",
    find: storedReport,
  },
];

/** GET /jobs/{id}/result and /report: a job's result, and the bad rows of its batch. */
export const resultRoutes: JobRoutePlugin = async (app, options) => {
  const slots = new TenantSlots(STREAMS, STREAMS_OF_TENANT, "other results are being downloaded");
  for (const artifact of ARTIFACTS) await app.register(artifactRoute(artifact, slots), options);
};

/** Creates the plugin of an artifact's route. */
const artifactRoute =
  (artifact: Artifact, slots: TenantSlots): JobRoutePlugin =>
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
          answers: {
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
        // A link is JSON and leads to the stored bytes, whose compression it states, so it ignores Accept.
        const isLink = delivery === "link" && stored.location !== undefined;
        const form = represent(stored, isLink ? {} : request.headers);
        if (!form) {
          const accept = String(request.headers.accept).slice(0, 200);
          throw new JobError("NotAcceptable", { accept, kept: typesOf(stored).join(" or ") });
        }
        const etag = `"${stored.responseId}${form.etagSuffix}"`;
        const fileName = `${requestId}.${artifact.name === "report" ? "report." : ""}${form.extension}`.replace(
          /[^\w.-]/g,
          "_",
        );
        const disposition = `attachment; filename="${fileName}"`;
        reply.headers({ etag, vary: "Accept, Accept-Encoding", "cache-control": "private, no-cache" });
        if (!isLink && matchesEtag(request.headers["if-none-match"], etag)) return reply.code(304).send();

        if (stored.location !== undefined && delivery !== "stream" && !form.unpacks) {
          const location = await getSignedUrl(
            s3,
            new GetObjectCommand({
              ...objectAt(stored.location),
              ResponseContentDisposition: disposition,
              ResponseContentType: form.type,
              ...(form.encoding ? { ResponseContentEncoding: form.encoding } : {}),
            }),
            { expiresIn: LINK_SECONDS },
          );
          if (delivery === "redirect") return reply.removeHeader("etag").redirect(location, 302);
          return reply.removeHeader("etag").send({ ...stored.link, location, expiresInSeconds: LINK_SECONDS });
        }
        if (stored.location !== undefined && request.method !== "HEAD")
          finished(reply.raw, slots.take(callerOfRequest(request).tenant));
        reply.header("content-disposition", disposition).type(form.type);
        if (form.encoding) reply.header("content-encoding", form.encoding);
        return sendBytes(request, reply, s3, stored, form, requestId);
      },
    );
  };

/** Sends the bytes, or the requested range. Decompressed results have no ranges. */
async function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  s3: S3Client,
  stored: StoredArtifact,
  form: Representation,
  requestId: string,
): Promise<FastifyReply> {
  const whole = stored.location === undefined ? bytesOf(stored) : undefined;
  const size = whole?.length ?? stored.bytes;
  const range = form.unpacks ? undefined : rangeOf(request, reply, size);
  if (!form.unpacks) {
    reply.header("accept-ranges", "bytes").header("content-length", range ? range.end - range.start + 1 : size);
    if (range) reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${size}`);
  }
  if (request.method === "HEAD") return reply.send(Readable.from([]));
  if (whole && !form.unpacks) return reply.send(range ? whole.subarray(range.start, range.end + 1) : whole);
  const source = whole ? Readable.from([whole]) : await openResult(s3, stored.location ?? "", range, requestId);
  // If one of the streams fails, both are destroyed, and the client notices a truncated body.
  return reply.send(form.unpacks ? pipeline(source, createGunzip(), () => undefined) : source);
}

/**
 * Returns the requested range; undefined for the whole result, for example if the header is invalid or has several
 * ranges.
 */
function rangeOf(request: FastifyRequest, reply: FastifyReply, size: number): Range | undefined {
  const { range, "if-range": ifRange } = request.headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== reply.getHeader("etag"))) return undefined;
  const { code, type, ranges } = parseRange(size, range);
  if (type !== "bytes" || (code & 1) !== 0 || ranges.length > 1) return undefined;
  if (ranges[0]) return ranges[0];
  reply.header("content-range", `bytes */${size}`);
  throw new JobError("RangeNotSatisfiable", { range: range.slice(0, 100), bytes: size });
}

async function storedResult({ db }: JobServices, tenant: string, requestId: string): Promise<StoredArtifact> {
  const { document, result, body } = await succeededJob(db, tenant, requestId);
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
