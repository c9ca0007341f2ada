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

/** Returns the S3 client, which the first call creates. */
export type LazyS3 = () => Promise<S3Client>;

/**
 * Loads the S3 client at its first use. Most jobs do not use S3, and loading the client takes a third of a run's start time
 * and 30 MB.
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
