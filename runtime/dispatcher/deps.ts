import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import type { RunnerType } from "../contract/states.ts";
import type { LazyS3 } from "../platform/aws.ts";
import type { Settings } from "../platform/settings.ts";
import type { Queues } from "../requests/responses.ts";
import type { TrackingStore } from "../tracking/store.ts";
import type { AnyLauncher } from "./launcher.ts";
import type { Headers } from "./traces/headers.ts";

/** A structured logger with pino's signature: fields first, then the message. */
export type Log = Record<"info" | "warn" | "error", (data: object, message?: string) => void>;

/** Dependencies of the dispatcher, created once per process (or Lambda container). */
export interface DispatcherDeps {
  /** Connections with the role dispatcher. */
  db: pg.Pool;
  /** Connections that plan reads (planningPool). */
  plans: pg.Pool;
  sqs: SQSClient;
  s3: LazyS3;
  queues: Queues;
  settings: Settings;
  launchers: Record<RunnerType, AnyLauncher>;
  tracking: TrackingStore;
  /** Returns the HTTP headers of requests to the trace collector. They may contain credentials. */
  traceHeaders(): Promise<Headers>;
  log: Log;
  /** Monotonic clock in milliseconds; includes time while the process is suspended. */
  now(): number;
  /** Sleeps for a number of milliseconds. */
  sleep(milliseconds: number): Promise<unknown>;
}
