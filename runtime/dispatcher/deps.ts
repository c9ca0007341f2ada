import type { SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import type { RunnerType } from "../contract/states.ts";
import type { LazyS3 } from "../platform/aws.ts";
import type { Settings } from "../platform/settings.ts";
import type { Queues } from "../requests/responses.ts";
import type { TrackingStore } from "../tracking/store.ts";
import type { AnyLauncher } from "./launcher.ts";

/** A structured logger: figures first, then the sentence, as pino has it. */
export type Log = Record<"info" | "warn" | "error", (data: object, message?: string) => void>;

/**
 * Dependencies of the dispatcher's parts: created once per process (or Lambda container), shared by all invocations.
 */
export interface DispatcherDeps {
  /** Connections with the role dispatcher. */
  db: pg.Pool;
  /** Plans reads (planningPool). */
  plans: pg.Pool;
  sqs: SQSClient;
  s3: LazyS3;
  queues: Queues;
  settings: Settings;
  launchers: Record<RunnerType, AnyLauncher>;
  tracking: TrackingStore;
  log: Log;
  /** Milliseconds since any fixed moment; includes the time while the process is stopped. */
  now(): number;
  /** Waits, in milliseconds. */
  sleep(milliseconds: number): Promise<unknown>;
}
