import { createHash } from "node:crypto";
import { PassThrough, type Readable, type Transform } from "node:stream";
import { createGzip } from "node:zlib";
import type { LazyS3 } from "../jobs/cloud.ts";
import { JobError } from "../jobs/errors.ts";

export type Format = "csv" | "ndjson" | "json";
export type Compression = "none" | "gzip";

/** Where a result may go. */
export interface OutputOptions {
  format: Format;
  compression: Compression;
  /** The most bytes that a result, as JSON text, may take inside the response. */
  inlineBytes: number;
  /** Where a larger one goes; the key is without extension. */
  s3: LazyS3;
  bucket: string;
  key: string;
}

/** A finished result: the contract's `result`, as JSON text, less `rows`, which the caller knows. */
export interface Output {
  json: (rows: number) => string;
  /** Bytes of the result as it is kept, compressed if so asked. */
  bytes: number;
}

/** Part size of a multipart upload, S3's smallest: at most 10,000 parts, so results up to 48 GiB; few are in memory at once. */
const PART_BYTES = 5 * 1024 * 1024;
const CONTENT_TYPE = {
  csv: "text/csv; charset=utf-8",
  ndjson: "application/x-ndjson",
  json: "application/json",
} as const;

/**
 * Takes a result as it streams and keeps it inline while it fits into a response; from the first byte that does not, it
 * goes to S3 as a multipart upload in constant memory. A failure aborts the upload: no parts are left behind.
 */
export async function keep(source: Readable, options: OutputOptions, signal: AbortSignal): Promise<Output> {
  const { format, compression } = options;
  // Level 1 is three times as fast as the default for a result a fifth larger; a runner is paid by the minute.
  const stream: Readable =
    compression === "gzip" ? pipe(source, createGzip({ level: 1, chunkSize: 64 * 1024 })) : source;
  const hash = createHash("sha256");
  const held: Buffer[] = [];
  let bytes = 0;
  let inlineSize = 0;
  let upload: { body: PassThrough; done: Promise<unknown> } | undefined;

  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (!upload) {
        held.push(chunk);
        inlineSize += inlineCost(chunk, options);
        // What S3 needs takes a while to load: begun before it is certain that the result will not fit.
        if (inlineSize > options.inlineBytes / 4)
          void Promise.all([options.s3(), import("@aws-sdk/lib-storage")]).catch(() => undefined);
        if (inlineSize <= options.inlineBytes) continue;
        upload = await begin(options, signal);
        for (const part of held.splice(0)) {
          hash.update(part);
          await write(upload.body, part);
        }
        continue;
      }
      hash.update(chunk);
      await write(upload.body, chunk);
    }
  } catch (error) {
    upload?.body.destroy(error as Error);
    await upload?.done.catch(() => undefined);
    throw error;
  }
  if (!upload) {
    const whole = Buffer.concat(held);
    return { bytes, json: (rows) => `{"inline":${inlineText(whole, options)},"format":"${format}","rows":${rows}}` };
  }
  upload.body.end();
  await upload.done;
  const location = `s3://${options.bucket}/${objectKey(options)}`;
  const sha256 = hash.digest("hex");
  return { bytes, json: (rows) => JSON.stringify({ location, format, compression, rows, bytes, sha256 }) };
}

const objectKey = ({ key, format, compression }: OutputOptions) =>
  `${key}.${format}${compression === "gzip" ? ".gz" : ""}`;

/** Bytes this chunk takes inside a JSON response: as base64, as JSON itself, or as an escaped string. */
function inlineCost(chunk: Buffer, { format, compression }: OutputOptions): number {
  if (compression === "gzip") return Math.ceil(chunk.length / 3) * 4;
  if (format === "json") return chunk.length;
  // Every character below space takes up to six bytes; quotes and backslashes two. Counted, since a CSV is mostly newlines away from plain text.
  let cost = chunk.length;
  for (const byte of chunk)
    if (byte === 0x22 || byte === 0x5c || byte === 0x0a) cost += 1;
    else if (byte < 0x20) cost += 5;
  return cost;
}

function inlineText(whole: Buffer, { format, compression }: OutputOptions): string {
  if (compression === "gzip") return JSON.stringify(whole.toString("base64"));
  return format === "json" ? whole.toString() : JSON.stringify(whole.toString());
}

async function begin(options: OutputOptions, signal: AbortSignal) {
  // Loaded when a result is large, so that a run that answers small ones starts without it.
  const { Upload } = await import("@aws-sdk/lib-storage");
  const body = new PassThrough({ highWaterMark: 1024 * 1024 });
  const upload = new Upload({
    client: await options.s3(),
    partSize: PART_BYTES,
    // One part travels while the next is filled: a connection to S3 carries more than gzip brings.
    queueSize: 1,
    leavePartsOnError: false,
    params: {
      Bucket: options.bucket,
      Key: objectKey(options),
      Body: body,
      ContentType: options.compression === "gzip" ? "application/gzip" : CONTENT_TYPE[options.format],
    },
  });
  signal.addEventListener("abort", () => body.destroy(new Error("aborted")), { once: true });
  const done = upload.done().catch((error: Error) => {
    body.destroy(error);
    throw new JobError("StorageUnavailable", { reason: `${error.name}: ${error.message}` }, { cause: error });
  });
  done.catch(() => undefined);
  return { body, done };
}

/** Writes with back-pressure; a destroyed body ends the wait. */
function write(body: PassThrough, chunk: Buffer): Promise<void> {
  if (body.destroyed) return Promise.reject(body.errored ?? new Error("the upload has ended"));
  if (body.write(chunk)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null) => {
      body.off("drain", drained).off("close", closed);
      if (error) reject(error);
      else resolve();
    };
    const drained = () => settle();
    const closed = () => settle(body.errored ?? new Error("the upload has ended"));
    body.once("drain", drained).once("close", closed);
  });
}

function pipe(source: Readable, transform: Transform): Transform {
  source.once("error", (error) => transform.destroy(error));
  transform.once("close", () => source.destroy());
  return source.pipe(transform);
}
