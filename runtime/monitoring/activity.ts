import type { RunnerType } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";
import type { PlatformMetric, RunnerMetric } from "./metrics.ts";

/**
 * Current status of the platform, with the metrics of the last minutes (db/functions/jobs/platform_status.sql).
 */
export type PlatformStatus = Record<RunnerType, Record<RunnerMetric, number | null>> & {
  platform: Record<PlatformMetric, number>;
  database: { connections: number; maxConnections: number };
  /**
   * Runner types that may not start runs, with the end of the pause (ISO), or "closed" until an operator reopens them.
   */
  paused: Partial<Record<RunnerType, string>>;
  /** Number of jobs in progress per runner type. */
  working: Partial<Record<RunnerType, number>>;
};

/** Percentiles of a duration in milliseconds; null if no ended job has one. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
}

/** Counts and durations of the jobs that were accepted or ended between `at` and the next step. */
export interface Step {
  at: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  queueMs: Percentiles;
  runMs: Percentiles;
}

/** Counts and times of the jobs of a period (db/functions/jobs/activity.sql). */
export interface Activity {
  from: string;
  to: string;
  stepSeconds: number;
  /** Oldest first. The last step may be incomplete. */
  steps: Step[];
  ended: { succeeded: number; failed: number; cancelled: number };
  percentiles: Record<"queueMs" | "runMs" | "totalMs", Percentiles & { p99: number | null }>;
  /** Most frequent first. */
  errors: { type: string; category: string; count: number; last: string }[];
  /**
   * Run time in milliseconds by named query, named statement, load target, or raw SQL: the ten with the highest p95,
   * highest first.
   */
  slowest: { what: string; count: number; p50: number; p95: number; max: number }[];
  /** Number of results sent as pointers, and how many of them were only just too large for the response. */
  results: { byPointer: number; nearlyInline: number };
}

/** Reads the current status, with the events of the last minutes. Requires the role `api_reader`. */
export async function readStatus(db: Database, minutes: number): Promise<PlatformStatus> {
  const { rows } = await db.query("select jobs.platform_status($1) as status", [minutes]);
  return rows[0]?.status;
}

/** Tenant, period and number of steps of an activity. */
export interface ActivityQuery {
  /** Undefined: all tenants. */
  tenant: string | undefined;
  seconds: number;
  steps: number;
  /** End of the period (ISO). @default now */
  until?: string | undefined;
  /** Maximum size in bytes of a result in S3 that counts as nearly inline. */
  nearBytes: number;
}

/** Reads the activity of a period; requires the role `api_reader`. */
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
