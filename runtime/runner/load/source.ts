import { Readable } from "node:stream";
import { JobError } from "../../contract/errors.ts";
import { redactUrl } from "../../contract/redact.ts";
import type { LazyS3 } from "../../platform/aws.ts";
import { gunzip } from "./gunzip.ts";
import { receiveStream } from "./stream.ts";
import { type DownloadRules, download } from "./url.ts";

/**
 * An object in S3 as it was when the request was accepted. It is identified by its version, which later uploads do not
 * replace, or in a bucket without versioning by its ETag.
 */
export interface S3Source {
  s3: string;
  versionId?: string;
  etag?: string;
}

/** A source outside of the request, as stored in the job. */
export type FileSource = S3Source | { url: string };

/**
 * Opens a source as the unpacked bytes of its file, at most `maxBytes`.
 * @throws JobError SourceNotFound, SourceNotAllowed, SourceChanged, SourceTooLarge, SourceUnreachable; while the bytes
 * are read: SourceTooLarge, SourceUnreachable, InvalidCompression
 */
export async function openSource(
  source: FileSource,
  compression: "none" | "gzip",
  s3: LazyS3,
  rules: DownloadRules,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const bytes =
    "s3" in source
      ? await openObject(source, s3, rules.maxBytes, signal)
      : await download(source.url, { ...rules, compression }, signal);
  if (compression === "none") return bytes;
  return gunzip(bytes, "s3" in source ? source.s3 : redactUrl(source.url), rules.maxBytes);
}

async function openObject(
  { s3: location, versionId, etag }: S3Source,
  s3: LazyS3,
  maxBytes: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const [Bucket = "", ...key] = location.slice("s3://".length).split("/");
  try {
    const { GetObjectCommand } = await import("@aws-sdk/client-s3");
    const { Body, ContentLength } = await (await s3()).send(
      new GetObjectCommand({
        Bucket,
        Key: key.join("/"),
        ...(versionId ? { VersionId: versionId } : etag ? { IfMatch: etag } : {}),
      }),
      { abortSignal: signal },
    );
    if (!(Body instanceof Readable)) throw new Error("S3 returned no body");
    if (ContentLength !== undefined && ContentLength > maxBytes) {
      Body.destroy();
      throw new JobError("SourceTooLarge", { source: location, limit: maxBytes });
    }
    return receiveStream(Body, {
      source: location,
      maxBytes,
      signal,
      ...(ContentLength === undefined ? {} : { length: ContentLength }),
    });
  } catch (error) {
    if (error instanceof JobError || (error as Error).name === "AbortError") throw error;
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    if (status === 412) throw new JobError("SourceChanged", { source: location }, { cause: error });
    if (status === 404)
      throw new JobError("SourceNotFound", { source: location, reason: `S3 returned ${name}.` }, { cause: error });
    if (name === "InvalidObjectState")
      throw new JobError(
        "SourceNotAllowed",
        { source: location, reason: "it is archived (S3 Glacier or an archive tier). Restore it first." },
        { cause: error },
      );
    if (status === 403)
      throw new JobError("SourceNotAllowed", { source: location, reason: `S3 returned ${name}.` }, { cause: error });
    throw new JobError("SourceUnreachable", { source: location, reason: `${name}: ${message}` }, { cause: error });
  }
}
