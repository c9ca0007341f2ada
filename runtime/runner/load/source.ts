import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { LazyS3 } from "../../jobs/cloud.ts";
import { JobError } from "../../jobs/errors.ts";
import { type DownloadRules, download, withoutQuery } from "./url.ts";

/** A source outside the request, as the job keeps it: S3 objects with the ETag they had when it was accepted. */
export type FileSource = { s3: string; etag?: string } | { url: string };

/** Opens a source as the bytes of its file, unpacked, never more than `maxBytes` of them. */
export async function openSource(
  source: FileSource,
  compression: "none" | "gzip",
  s3: LazyS3,
  rules: DownloadRules,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const name = "s3" in source ? source.s3 : withoutQuery(source.url);
  const bytes = "s3" in source ? await object(source, s3, signal) : await download(source.url, rules, signal);
  return limited(compression === "gzip" ? unpacked(bytes) : bytes, name, rules.maxBytes);
}

async function object(
  { s3: location, etag }: { s3: string; etag?: string },
  s3: LazyS3,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const [Bucket = "", ...key] = location.slice("s3://".length).split("/");
  try {
    const { GetObjectCommand } = await import("@aws-sdk/client-s3");
    const { Body } = await (await s3()).send(
      new GetObjectCommand({ Bucket, Key: key.join("/"), ...(etag ? { IfMatch: etag } : {}) }),
      { abortSignal: signal },
    );
    if (!Body) throw new Error("S3 answered without a body");
    return Body as Readable;
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    if (status === 412) throw new JobError("SourceChanged", { source: location }, { cause: error });
    if (status === 404)
      throw new JobError("SourceNotFound", { source: location, reason: `S3 answered ${name}.` }, { cause: error });
    if (status === 403)
      throw new JobError("SourceNotAllowed", { source: location, reason: `S3 answered ${name}.` }, { cause: error });
    if (name === "AbortError") throw error;
    throw new JobError("SourceUnreachable", { source: location, reason: `${name}: ${message}` }, { cause: error });
  }
}

async function* unpacked(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  let failed: unknown;
  const feed = (async () => {
    try {
      for await (const chunk of bytes)
        if (!gunzip.write(chunk)) await Promise.race([once(gunzip, "drain"), once(gunzip, "close")]);
      gunzip.end();
    } catch (error) {
      failed = error; // the source's own, which says more than the broken stream it causes
      gunzip.destroy(error as Error);
    }
  })();
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await feed;
  } catch (error) {
    if (failed) throw failed;
    if (error instanceof JobError || !(error as { code?: string }).code?.startsWith("Z_")) throw error;
    throw new JobError("InvalidCompression", { reason: (error as Error).message }, { cause: error });
  } finally {
    gunzip.destroy();
  }
}

const once = (stream: Readable, event: string) => new Promise<void>((done) => stream.once(event, () => done()));

/** A small file may unpack to an endless one. */
async function* limited(bytes: AsyncIterable<Buffer>, source: string, limit: number): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of bytes) {
    seen += chunk.length;
    if (seen > limit) throw new JobError("SourceTooLarge", { source, limit });
    yield chunk;
  }
}
