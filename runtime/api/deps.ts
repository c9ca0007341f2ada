import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import type { Settings } from "../platform/settings.ts";
import type { TrackingStore } from "../tracking/store.ts";

/** What the API works with. Without `cloud` it serves prices and documents, and takes no jobs. */
export interface ApiDeps {
  /** Connections of the role api_reader. */
  db: pg.Pool;
  /** Plans reads (planningPool), apart from the API's own statements. */
  plans: pg.Pool;
  settings: Settings;
  tracking: TrackingStore;
  cloud:
    | {
        sqs: SQSClient;
        s3: S3Client;
        queues: NonNullable<Settings["queues"]>;
        buckets: NonNullable<Settings["buckets"]>;
      }
    | undefined;
  /** A pino level; "silent" for tests. */
  logLevel: string;
}

/** The same, of a platform that takes jobs. */
export type JobDeps = ApiDeps & { cloud: NonNullable<ApiDeps["cloud"]> };
