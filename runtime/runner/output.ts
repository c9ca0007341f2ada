import { createHash, type Hash } from "node:crypto";
import { Readable, type Transform } from "node:stream";
import { createGzip } from "node:zlib";
import type { LazyS3 } from "../platform/aws.ts";
import { MultipartUpload } from "./multipart.ts";

export type Format = "csv" | "ndjson" | "json";
export type Compression = "none" | "gzip";

/** Possible destinations of a result. */
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

/** A finished result. */
export interface Output {
  /** Returns the contract's `result` as JSON text; the caller knows the number of rows. */
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
  const held: Buffer[] = [];
  let bytes = 0;
  let inlineSize = 0;
  let upload: MultipartUpload | undefined;
  let hash: Hash | undefined;

  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (!upload) {
        held.push(chunk);
        inlineSize += inlineCost(chunk, options);
        // Loading the S3 client takes a while, so it begins before the result is known to be too large.
        if (inlineSize > options.inlineBytes / 4) void options.s3();
        if (inlineSize <= options.inlineBytes) continue;
        upload = await begin(options);
        hash = createHash("sha256");
        for (const part of held.splice(0)) {
          hash.update(part);
          await upload.write(part);
        }
        continue;
      }
      signal.throwIfAborted();
      hash?.update(chunk);
      await upload.write(chunk);
    }
    await upload?.finish();
  } catch (error) {
    await upload?.abort();
    throw error;
  }
  if (!upload || !hash) {
    const whole = Buffer.concat(held);
    return { bytes, json: (rows) => `{"inline":${inlineText(whole, options)},"format":"${format}","rows":${rows}}` };
  }
  const location = `s3://${options.bucket}/${objectKey(options)}`;
  const sha256 = hash.digest("hex");
  return { bytes, json: (rows) => JSON.stringify({ location, format, compression, rows, bytes, sha256 }) };
}

const objectKey = ({ key, format, compression }: OutputOptions) =>
  `${key}.${format}${compression === "gzip" ? ".gz" : ""}`;

/** Bytes this chunk takes inside a JSON response: as base64, as JSON itself, or as an escaped string. */
function inlineCost(chunk: Buffer, { format, compression }: OutputOptions): number {
  if (compression === "gzip") return Math.ceil(chunk.length / 3) * 4;
  // The two characters that SQS refuses are escaped in a response: six bytes in place of three.
  const escaped = 3 * (occurrences(chunk, NONCHARACTERS[0]) + occurrences(chunk, NONCHARACTERS[1]));
  if (format === "json") return chunk.length + escaped;
  // A control character takes up to six bytes; a line feed, quote or backslash two. They are counted rather than
  // assuming six bytes for each character, since most of a CSV is plain text.
  let cost = chunk.length + escaped;
  for (const byte of chunk)
    if (byte === 0x22 || byte === 0x5c || byte === 0x0a) cost += 1;
    else if (byte < 0x20) cost += 5;
  return cost;
}

const NONCHARACTERS = [Buffer.from("\uFFFE"), Buffer.from("\uFFFF")] as const;

function occurrences(chunk: Buffer, sequence: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(sequence); at >= 0; at = chunk.indexOf(sequence, at + sequence.length)) count++;
  return count;
}

function inlineText(whole: Buffer, { format, compression }: OutputOptions): string {
  if (compression === "gzip") return JSON.stringify(whole.toString("base64"));
  return format === "json" ? whole.toString() : JSON.stringify(whole.toString());
}

const begin = async (options: OutputOptions): Promise<MultipartUpload> =>
  MultipartUpload.begin(await options.s3(), {
    Bucket: options.bucket,
    Key: objectKey(options),
    ContentType: options.compression === "gzip" ? "application/gzip" : CONTENT_TYPE[options.format],
  });

function pipe(source: Readable, transform: Transform): Transform {
  source.once("error", (error) => transform.destroy(error));
  transform.once("close", () => source.destroy());
  return source.pipe(transform);
}
