import type { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Settings } from "./settings.ts";

/** Clients for SQS and S3. Region, credentials and endpoints come from the SDK's own environment variables. */
export const sqsClient = (): SQSClient => new SQSClient({});

/** By default a presigned link would carry the checksum of an empty body, and S3 would refuse the part for it. */
export const S3_OPTIONS = {
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
} as const;

/** The S3 client, made when it is first asked for. */
export type LazyS3 = () => Promise<S3Client>;

/**
 * Most jobs never touch S3, and its client is the largest part that a run would load (a third of its start, 30 MB): so
 * it is loaded by the first one that does.
 */
export function lazyS3(settings: Pick<Settings, "pathStyleS3">): LazyS3 {
  let client: Promise<S3Client> | undefined;
  return () => {
    client ??= import("@aws-sdk/client-s3").then(
      ({ S3Client }) => new S3Client({ ...S3_OPTIONS, forcePathStyle: settings.pathStyleS3 }),
    );
    return client;
  };
}
