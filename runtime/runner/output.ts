import { createHash, type Hash } from "node:crypto";
import { Readable, type Transform } from "node:stream";
import { createGzip } from "node:zlib";
import type { LazyS3 } from "../platform/aws.ts";
import { MultipartUpload } from "./multipart.ts";

export type Format = "csv" | "ndjson" | "json";
export type Compression = "none" | "gzip";

/** Format and possible destinations of a result. */
export interface OutputOptions {
  format: Format;
  compression: Compression;
  /** Maximum bytes of an inline result in the response, as JSON text. */
  inlineBytes: number;
  /** Destination of a large result; the key has no extension. */
  s3: LazyS3;
  bucket: string;
  key: string;
}

/** A stored result. */
export interface Output {
  /** Returns the contract's `result` as JSON text, with the given number of rows. */
  json: (rows: number) => string;
  /** Bytes of the stored result, after compression. */
  bytes: number;
}

const CONTENT_TYPE = {
  csv: "text/csv; charset=utf-8",
  ndjson: "application/x-ndjson",
  json: "application/json",
} as const;

/**
 * Stores a result as it streams: inline if it fits into a response, otherwise as a whole in S3, by a multipart upload
 * in constant memory. A failure aborts the upload, so that no parts are left behind.
 */
export async function storeResult(
  source: AsyncIterable<Buffer>,
  options: OutputOptions,
  signal: AbortSignal,
): Promise<Output> {
  const { format, compression } = options;
  // Level 1 is three times as fast as the default, and its results are a fifth larger; runners are billed by time.
  const stream: AsyncIterable<Buffer> =
    compression === "gzip"
      ? pipe(Readable.from(source, { objectMode: false }), createGzip({ level: 1, chunkSize: 64 * 1024 }))
      : source;
  const buffered: Buffer[] = [];
  let bytes = 0;
  let upload: MultipartUpload | undefined;
  let hash: Hash | undefined;
  const write = async (chunk: Buffer) => {
    hash?.update(chunk);
    await upload?.write(chunk);
  };
  const uploadBuffered = async () => {
    upload = beginUpload(options);
    hash = createHash("sha256");
    for (const chunk of buffered.splice(0)) await write(chunk);
  };

  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (upload) {
        signal.throwIfAborted();
        await write(chunk);
        continue;
      }
      buffered.push(chunk);
      // Loading the S3 client takes a while, so it begins before the result is known to be too large. If loading fails,
      // the upload reports the error.
      if (bytes > options.inlineBytes / 4) options.s3().catch(() => undefined);
      if (bytes > options.inlineBytes) await uploadBuffered();
    }
    if (!upload) {
      const inline = inlineText(Buffer.concat(buffered), options);
      // Escapes or base64 may make the JSON text too large although the result's bytes would fit.
      if (inlineSize(inline) > options.inlineBytes) await uploadBuffered();
      else return { bytes, json: (rows) => `{"inline":${inline},"format":"${format}","rows":${rows}}` };
    }
    await upload?.finish();
  } catch (error) {
    await upload?.abort();
    throw error;
  }
  const location = `s3://${options.bucket}/${objectKey(options)}`;
  const sha256 = hash?.digest("hex");
  return { bytes, json: (rows) => JSON.stringify({ location, format, compression, rows, bytes, sha256 }) };
}

const objectKey = ({ key, format, compression }: OutputOptions) =>
  `${key}.${format}${compression === "gzip" ? ".gz" : ""}`;

/** Characters that SQS refuses. A response contains escapes instead: six bytes in place of three. */
const NONCHARACTERS = /[\uFFFE\uFFFF]/g;

/** Bytes that an inline result takes in a response. */
const inlineSize = (inline: string): number =>
  Buffer.byteLength(inline) + 3 * (inline.match(NONCHARACTERS)?.length ?? 0);

/**
 * Returns an inline result as JSON text: a base64 string if it is compressed, JSON unchanged, any other format as a
 * string.
 */
function inlineText(bytes: Buffer, { format, compression }: OutputOptions): string {
  if (compression === "gzip") return JSON.stringify(bytes.toString("base64"));
  return format === "json" ? bytes.toString() : JSON.stringify(bytes.toString());
}

const beginUpload = (options: OutputOptions): MultipartUpload =>
  new MultipartUpload(options.s3, {
    Bucket: options.bucket,
    Key: objectKey(options),
    ContentType: options.compression === "gzip" ? "application/gzip" : CONTENT_TYPE[options.format],
  });

function pipe(source: Readable, transform: Transform): Transform {
  source.once("error", (error) => transform.destroy(error));
  transform.once("close", () => source.destroy());
  return source.pipe(transform);
}
