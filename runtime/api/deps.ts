import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import type { Settings } from "../platform/settings.ts";
import type { TrackingStore } from "../tracking/store.ts";

/** Services that the routes use. Without `cloud`, the API has no routes that need queues or buckets (JOB_ROUTES). */
export interface Services {
  /** Connections of the role api_reader. */
  db: pg.Pool;
  /** Connections that plan reads (planningPool), separate from the API's own statements. */
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
}

/** Services of a platform that accepts jobs. */
export interface JobServices extends Services {
  cloud: NonNullable<Services["cloud"]>;
}

/** Dependencies of the API. */
export interface ApiDeps extends Services {
  /** A pino level; "silent" for tests. */
  logLevel: string;
}
