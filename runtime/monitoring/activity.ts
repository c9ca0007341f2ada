import type { RunnerType } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";
import type { PlatformMetric, RunnerMetric } from "./metrics.ts";

/**
 * Current status of the platform and activity of the last minutes (db/functions/jobs/activity.sql and
 * platform_status.sql).
 */
export type PlatformStatus = Record<RunnerType, Record<RunnerMetric, number | null>> & {
  platform: Record<PlatformMetric, number>;
  database: { connections: number; maxConnections: number };
  /**
   * Runner types that may not start runs, with the end of the pause (ISO); "closed": until an operator reopens them.
   */
  paused: Partial<Record<RunnerType, string>>;
  /** Jobs in progress. */
  working: Partial<Record<RunnerType, number>>;
};

/** Milliseconds; null if no job has ended. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
}

/** Ended and accepted jobs between `at` and the next step. */
export interface Step {
  at: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  queueMs: Percentiles;
  runMs: Percentiles;
}

/** Outcomes of the jobs that ended within a period. */
export interface Activity {
  from: string;
  to: string;
  stepSeconds: number;
  /** Oldest first; the last one is incomplete. */
  steps: Step[];
  ended: { succeeded: number; failed: number; cancelled: number };
  percentiles: Record<"queueMs" | "runMs" | "totalMs", Percentiles & { p99: number | null }>;
  /** Most frequent first. */
  errors: { type: string; category: string; count: number; last: string }[];
  /** By kind of work: a named query or statement, a load, raw SQL. Slowest first; milliseconds of run time. */
  slowest: { what: string; count: number; p50: number; p95: number; max: number }[];
  /** Results sent as pointers, and how many of them were only just too large for the response. */
  results: { byPointer: number; nearlyInline: number };
}

/** Reads from the database; requires the role `api_reader`. */
export async function readStatus(db: Database, minutes: number): Promise<PlatformStatus> {
  const { rows } = await db.query("select jobs.platform_status($1) as status", [minutes]);
  return rows[0]?.status;
}

/** Scope: one tenant's jobs, or all (undefined). */
export interface ActivityQuery {
  tenant: string | undefined;
  seconds: number;
  steps: number;
  /** End of the period (ISO). @default now */
  until?: string | undefined;
  /** Maximum size in bytes of a result in S3 that counts as nearly inline. */
  nearBytes: number;
}

/** Reads from the database; requires the role `api_reader`. */
export async function readActivity(
  db: Database,
  { tenant, seconds, steps, until, nearBytes }: ActivityQuery,
): Promise<Activity> {
  const { rows } = await db.query("select jobs.activity($1, $2, $3, $4, $5) as activity", [
    tenant ?? null,
    seconds,
    steps,
    nearBytes,
    until ?? null,
  ]);
  return rows[0]?.activity;
}
