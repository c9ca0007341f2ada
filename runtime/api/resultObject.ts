import type { Readable } from "node:stream";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { JobError } from "../contract/errors.ts";
import type { StoredFormat } from "./representation.ts";

/** A job's result or report in the database: inline text, or its location. */
export interface StoredArtifact extends StoredFormat {
  responseId: string;
  inline: string | null;
  location: string | undefined;
  bytes: number;
  /** Fields of the response to `delivery=link`, in addition to the link. */
  link: Record<string, unknown>;
}

/** Converts `s3://bucket/key` to the input of S3's commands. */
export function objectAt(location: string): { Bucket: string; Key: string } {
  const [Bucket = "", ...key] = location.slice("s3://".length).split("/");
  return { Bucket, Key: key.join("/") };
}

/** First and last byte to read. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Opens a result in S3, all of it or a range.
 * @throws JobError ResultGone after its retention
 */
export async function openResult(
  s3: S3Client,
  location: string,
  range: ByteRange | undefined,
  requestId: string,
): Promise<Readable> {
  try {
    const { Body } = await s3.send(
      new GetObjectCommand({ ...objectAt(location), ...(range ? { Range: `bytes=${range.start}-${range.end}` } : {}) }),
    );
    return Body as Readable;
  } catch (error) {
    if ((error as Error).name === "NoSuchKey") throw new JobError("ResultGone", { requestId }, { cause: error });
    throw error;
  }
}
