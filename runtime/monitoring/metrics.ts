import { RUNNERS, type RunnerType } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";

/**
 * Metrics that only the database has, as data for the dispatcher, dashboards and alarms. The values come from
 * jobs.figures (db/functions), under these names.
 */
export interface Metric {
  /** Display name, and name of the metric in CloudWatch. */
  readonly name: string;
  readonly unit: "Count" | "Seconds" | "Bytes";
  /** Kind of value: the state when it was read, or a count over the minutes before. */
  readonly kind: "state" | "event";
  readonly meaning: string;
}

/** The namespace of the platform's own metrics in CloudWatch. */
export const NAMESPACE = "RatesPlatform";

/** Figures of each runner kind. */
export const RUNNER_METRICS = {
  waiting: { name: "Waiting", unit: "Count", kind: "state", meaning: "jobs that wait for a run, or out a back-off" },
  oldestWaiting: {
    name: "OldestWaiting",
    unit: "Seconds",
    kind: "state",
    meaning: "how long the job that waits longest has been ready to run",
  },
  running: { name: "Running", unit: "Count", kind: "state", meaning: "runs that hold a slot, warm ones included" },
  refused: {
    name: "Refused",
    unit: "Count",
    kind: "event",
    meaning: "runs that AWS refused to start: a throttle, or no capacity left",
  },
  lost: { name: "Lost", unit: "Count", kind: "event", meaning: "attempts whose runner vanished" },
  outOfMemory: { name: "OutOfMemory", unit: "Count", kind: "event", meaning: "attempts that ran out of memory" },
  succeeded: { name: "Succeeded", unit: "Count", kind: "event", meaning: "jobs that ended well" },
  failedByRequest: {
    name: "FailedByRequest",
    unit: "Count",
    kind: "event",
    meaning: "jobs that failed for what was asked: bad rows, bad SQL",
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
    meaning: "from acceptance to the last attempt's start, of jobs that ended",
  },
  runTime: {
    name: "RunTimeP95",
    unit: "Seconds",
    kind: "event",
    meaning: "the last attempt from start to end, of jobs that ended",
  },
  peakMemory: {
    name: "PeakMemory",
    unit: "Bytes",
    kind: "event",
    meaning: "the most memory that a run took, of jobs that ended",
  },
} as const satisfies Record<string, Metric>;

/** Figures of the platform as a whole. */
export const PLATFORM_METRICS = {
  unsentResponses: {
    name: "UnsentResponses",
    unit: "Count",
    kind: "state",
    meaning: "responses that are written and not yet on their queue",
  },
  oldestUnsent: {
    name: "OldestUnsent",
    unit: "Seconds",
    kind: "state",
    meaning: "age of the oldest of them; one that is asked for again counts from when it was first written",
  },
  documentsBehind: {
    name: "DocumentsBehind",
    unit: "Count",
    kind: "state",
    meaning: "jobs whose document in the tracking store is not the latest",
  },
  oldestBehind: {
    name: "OldestBehind",
    unit: "Seconds",
    kind: "state",
    meaning: "how long the document that is behind longest has been so",
  },
  lockWaits: {
    name: "LockWaits",
    unit: "Count",
    kind: "state",
    meaning: "database sessions that wait for a lock of another",
  },
  oldestLockWait: {
    name: "OldestLockWait",
    unit: "Seconds",
    kind: "state",
    meaning: "how long the longest of them has waited",
  },
} as const satisfies Record<string, Metric>;

export type RunnerMetric = keyof typeof RUNNER_METRICS;
export type PlatformMetric = keyof typeof PLATFORM_METRICS;

/** One look: seconds, bytes or counts; null where nothing happened that could be measured. */
export type MetricValues = Record<RunnerType, Record<RunnerMetric, number | null>> & {
  platform: Record<PlatformMetric, number>;
};

/** The figures as they stand, with what happened in so many whole minutes before this one. Needs the role dispatcher. */
export async function readMetrics(db: Database, minutes: number): Promise<MetricValues> {
  const { rows } = await db.query("select jobs.figures($1) as figures", [minutes]);
  const [row] = rows;
  if (!row) throw new Error(`jobs.figures answered nothing: are the rows of ${RUNNERS.join(" and ")} in jobs.runners?`);
  return row.figures;
}
