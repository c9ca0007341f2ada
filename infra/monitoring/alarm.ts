import type { Measure } from "./metrics.ts";

/** One alarm: condition, meaning and remedy. */
export interface Alarm {
  /** Its name, after that of the monitoring component. */
  readonly key: string;
  /** Summary of what happened and why it matters. */
  readonly summary: string;
  /** Remedy for the operator. */
  readonly action: string;
  /** Watched value per minute: one metric, or a CloudWatch expression over several. */
  readonly metric: Measure | { readonly expression: string; readonly of: Readonly<Record<string, Measure>> };
  readonly comparison: ">" | ">=" | "<";
  readonly threshold: number;
  /** Datapoints over the threshold, out of the evaluated minutes, that raise the alarm. */
  readonly minutes: readonly [over: number, of: number];
  /** Treatment of minutes without a value: good for error counts, bad for heartbeats. */
  readonly missingData: "notBreaching" | "breaching";
}

/** Minutes of the schedule after which its work is late (it runs once per minute). */
export const LATE_MINUTES = 5;
/** Share of a capacity from which it is nearly exhausted. */
export const NEARLY_FULL = 0.8;
/** Share of the storage that should be free. A batch takes about three times its size while it is loaded. */
export const MIN_FREE_STORAGE = 0.25;
