import type { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Settings } from "./settings.ts";

/** Creates an SQS client. Region, credentials and endpoint come from the SDK's environment variables. */
export const sqsClient = (): SQSClient => new SQSClient(SQS_OPTIONS);

/**
 * Options that make SQS calls faster. Computing the MD5 of each body takes a tenth of a call's time, and TLS already
 * protects the bytes. Building the SDK's middleware takes a fifth; it is cached, except for calls with their own
 * options, for example a signal.
 */
const SQS_OPTIONS = { md5: false, cacheMiddleware: true } as const;

/**
 * Options of S3 clients. Without them, presigned links would require the checksum of an empty body, and S3 would refuse
 * uploaded parts.
 */
export const S3_OPTIONS = {
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
} as const;

/** Maximum connections to S3. A download uses one until its client has read all bytes. The SDK's default is 50. */
export const S3_CONNECTIONS = 300;
const AGENTS = { httpAgent: { maxSockets: S3_CONNECTIONS }, httpsAgent: { maxSockets: S3_CONNECTIONS } };

/** Returns the S3 client; the first call creates it. */
export type LazyS3 = () => Promise<S3Client>;

/**
 * Returns a function that loads and creates the S3 client when it is first called. Most jobs do not use S3, and loading
 * the client takes a third of a run's start time and 30 MB.
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
