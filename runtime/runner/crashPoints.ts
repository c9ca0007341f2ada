import { channel } from "node:diagnostics_channel";

/**
 * Points at which a run can be killed or paused without losing its job or applying it twice. The TypeScript runner
 * publishes each. Only fault tests subscribe; without a subscriber, publishing costs nothing.
 */
export const CRASH_POINTS = ["claim", "BEGIN", "COPY", "fence", "COMMIT", "outbox", "send"] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Message to a subscriber of crash points. */
export interface CrashPointEvent {
  point: CrashPoint;
  /** The job's row id. */
  job: number;
  attempt: number;
}

export const crashPoints = channel("rates:step");

/** Publishes that a run has reached this crash point of this job. */
export function reachCrashPoint(name: CrashPoint, job: { id: number; attempt: number }): void {
  if (crashPoints.hasSubscribers)
    crashPoints.publish({ point: name, job: job.id, attempt: job.attempt } satisfies CrashPointEvent);
}
