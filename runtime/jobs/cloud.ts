import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Settings } from "./settings.ts";

/** Clients for SQS and S3. Region, credentials and endpoints come from the SDK's own environment variables. */
export const sqsClient = (): SQSClient => new SQSClient({});
export const s3Client = (settings: Pick<Settings, "pathStyleS3">): S3Client =>
  new S3Client({ forcePathStyle: settings.pathStyleS3 });
