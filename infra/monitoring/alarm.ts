import type { Measure } from "./metrics.ts";

/** One alarm: when it goes off, what that means, and what to do about it. */
export interface Alarm {
  /** Its name, after that of the monitoring component. */
  readonly key: string;
  /** What has happened, and why it matters. */
  readonly summary: string;
  /** What the operator does. */
  readonly action: string;
  /** What is watched, minute by minute: one measure, or several put together by an expression of CloudWatch's. */
  readonly metric: Measure | { readonly expression: string; readonly of: Readonly<Record<string, Measure>> };
  readonly comparison: ">" | ">=" | "<";
  readonly threshold: number;
  /** How many of the last so many minutes must be over the threshold. */
  readonly minutes: readonly [over: number, of: number];
  /** What a minute without a value counts as: silence is good where only trouble is counted, and bad where life is. */
  readonly missingData: "notBreaching" | "breaching";
}

/** The schedule's minutes after which what it should have settled is late (it runs once a minute). */
export const LATE_MINUTES = 5;
/** Part of what there is, from which on it is nearly used up. */
export const NEARLY_FULL = 0.8;
/** Part of the storage that should be free. A batch takes about three times its size while it is loaded. */
export const MIN_FREE_STORAGE = 0.25;
