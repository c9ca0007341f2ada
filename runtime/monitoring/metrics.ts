import { RUNNERS, type RunnerType } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";

/**
 * A metric that the database computes, as data for the dispatcher, dashboards and alarms. `jobs.job_metrics`
 * (db/functions) returns the values under the keys of RUNNER_METRICS and PLATFORM_METRICS.
 */
export interface Metric {
  /** Display name, and name of the metric in CloudWatch. */
  readonly name: string;
  readonly unit: "Count" | "Seconds" | "Bytes";
  /** Kind of value: a current state, or a count, percentile or maximum of the events of the preceding minutes. */
  readonly kind: "state" | "event";
  readonly meaning: string;
}

/** The namespace of the platform's own metrics in CloudWatch. */
export const NAMESPACE = "RatesPlatform";

/** Metrics per runner type. */
export const RUNNER_METRICS = {
  waiting: {
    name: "Waiting",
    unit: "Count",
    kind: "state",
    meaning: "jobs that wait for a run or for their next attempt",
  },
  oldestWaiting: {
    name: "OldestWaiting",
    unit: "Seconds",
    kind: "state",
    meaning: "waiting time of the job that has been ready to run longest",
  },
  running: { name: "Running", unit: "Count", kind: "state", meaning: "runs that hold a slot, including warm ones" },
  refused: {
    name: "Refused",
    unit: "Count",
    kind: "event",
    meaning: "runs that were not started, for example because AWS refused them",
  },
  lost: { name: "Lost", unit: "Count", kind: "event", meaning: "attempts whose run was lost" },
  outOfMemory: { name: "OutOfMemory", unit: "Count", kind: "event", meaning: "attempts that ran out of memory" },
  succeeded: { name: "Succeeded", unit: "Count", kind: "event", meaning: "jobs that succeeded" },
  failedByRequest: {
    name: "FailedByRequest",
    unit: "Count",
    kind: "event",
    meaning: "jobs that failed because of their request, for example bad rows or invalid SQL",
  },
  failedByPlatform: {
    name: "FailedByPlatform",
    unit: "Count",
    kind: "event",
    meaning: "jobs that failed for any other reason",
  },
  queueTime: {
    name: "QueueTimeP95",
    unit: "Seconds",
    kind: "event",
    meaning:
      "time from acceptance to the start of the last attempt, of ended jobs; to the end of a job without an attempt",
  },
  runTime: {
    name: "RunTimeP95",
    unit: "Seconds",
    kind: "event",
    meaning: "duration of the last attempt, of ended jobs",
  },
  peakMemory: {
    name: "PeakMemory",
    unit: "Bytes",
    kind: "event",
    meaning: "peak memory of a run, of ended jobs",
  },
} as const satisfies Record<string, Metric>;

/** Metrics of the whole platform. */
export const PLATFORM_METRICS = {
  unsentResponses: {
    name: "UnsentResponses",
    unit: "Count",
    kind: "state",
    meaning: "stored responses whose sending is not recorded yet",
  },
  oldestUnsent: {
    name: "OldestUnsent",
    unit: "Seconds",
    kind: "state",
    meaning: "age of the oldest unsent response; a repeated response counts from the last request for it",
  },
  documentsBehind: {
    name: "DocumentsBehind",
    unit: "Count",
    kind: "state",
    meaning: "jobs and rejected requests whose document in the tracking store is outdated or missing",
  },
  oldestBehind: {
    name: "OldestBehind",
    unit: "Seconds",
    kind: "state",
    meaning: "age of the oldest outdated document",
  },
  lockWaits: {
    name: "LockWaits",
    unit: "Count",
    kind: "state",
    meaning: "database sessions that wait for a lock of another session",
  },
  oldestLockWait: {
    name: "OldestLockWait",
    unit: "Seconds",
    kind: "state",
    meaning: "longest wait of a database session for a lock",
  },
} as const satisfies Record<string, Metric>;

export type RunnerMetric = keyof typeof RUNNER_METRICS;
export type PlatformMetric = keyof typeof PLATFORM_METRICS;

/** Values of all metrics: seconds, bytes or counts; null if there was nothing to measure. */
export type MetricValues = Record<RunnerType, Record<RunnerMetric, number | null>> & {
  platform: Record<PlatformMetric, number>;
};

/**
 * Reads all metrics; events are counted over the given number of complete minutes before the current one. Requires the
 * role `dispatcher`.
 *
 * @throws Error if a runner type is missing in the database
 */
export async function readMetrics(db: Database, minutes: number): Promise<MetricValues> {
  const { rows } = await db.query("select jobs.job_metrics($1) as metrics", [minutes]);
  const metrics = rows[0]?.metrics;
  if (!RUNNERS.every((runner) => metrics?.[runner]))
    throw new Error(
      `Metrics of a runner type are missing: check that jobs.runners has the rows ${RUNNERS.join(" and ")}.`,
    );
  return metrics;
}
