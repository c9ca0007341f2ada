import type { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Settings } from "./settings.ts";

/** Creates an SQS client. Region, credentials and endpoint come from the SDK's environment variables. */
export const sqsClient = (): SQSClient => new SQSClient(SQS_OPTIONS);

/**
 * TLS already protects each message's bytes; computing the MD5 of every body takes a tenth of a call's time. Building the
 * SDK's middleware for each call takes a fifth of it. A call with options of its own, such as a signal, does not use the
 * cached middleware.
 */
const SQS_OPTIONS = { md5: false, cacheMiddleware: true } as const;

/** By default, a presigned link would have the checksum of an empty body, and S3 would refuse the uploaded part. */
export const S3_OPTIONS = {
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
} as const;

/** Maximum connections to S3. A download uses one until its client has read it. The SDK's default is 50. */
export const S3_CONNECTIONS = 300;
const AGENTS = { httpAgent: { maxSockets: S3_CONNECTIONS }, httpsAgent: { maxSockets: S3_CONNECTIONS } };

/** Returns the S3 client, which is created by the first call. */
export type LazyS3 = () => Promise<S3Client>;

/**
 * Loads the S3 client at its first use. Most jobs do not use S3, and loading the client takes a third of a run's start
 * time and 30 MB.
 */
export function lazyS3(settings: Pick<Settings, "pathStyleS3">): LazyS3 {
  let client: Promise<S3Client> | undefined;
  return () => {
    client ??= import("@aws-sdk/client-s3").then(
      ({ S3Client }) => new S3Client({ ...S3_OPTIONS, requestHandler: AGENTS, forcePathStyle: settings.pathStyleS3 }),
    );
    return client;
  };
}
