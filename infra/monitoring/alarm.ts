import type { Measure } from "./metrics.ts";

/** One alarm: condition, summary and remedy. */
export interface Alarm {
  /** Suffix of the alarm's name; the prefix is the name of the monitoring component. */
  readonly key: string;
  /** Summary of what happened and why it matters. */
  readonly summary: string;
  /** Remedy for the operator. */
  readonly action: string;
  /** Value per minute to compare with the threshold: one metric, or a CloudWatch expression over several. */
  readonly metric: Measure | { readonly expression: string; readonly metrics: Readonly<Record<string, Measure>> };
  readonly comparison: ">" | ">=" | "<";
  readonly threshold: number;
  /** Number of breaching minutes that raise the alarm, and number of evaluated minutes. */
  readonly minutes: readonly [breaching: number, evaluated: number];
  /** Treatment of minutes without a value: not breaching for error counts, breaching for metrics that must exist. */
  readonly missingData: "notBreaching" | "breaching";
}

/** Minutes after which work of the schedule is overdue; the schedule runs once per minute. */
export const LATE_MINUTES = 5;
/** Share of a maximum above which the maximum counts as nearly reached. */
export const NEARLY_FULL = 0.8;
/** Share of the storage that should be free. A batch takes about three times its size while it is loaded. */
export const MIN_FREE_STORAGE = 0.25;
