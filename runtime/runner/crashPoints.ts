import { channel } from "node:diagnostics_channel";

/**
 * The instants at which a run can be killed or paused and nothing may be lost or done twice. A runner publishes each as
 * it passes; nobody listens in production (a publish without a subscriber costs nothing), fault tests do.
 */
export const CRASH_POINTS = ["claim", "BEGIN", "COPY", "fence", "COMMIT", "outbox", "send"] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What a step's subscriber is told. */
export interface CrashPointEvent {
  point: CrashPoint;
  /** The job's row id. */
  job: number;
  attempt: number;
}

export const crashPoints = channel("rates:step");

/** Marks that a run is at this step of this job: just before it takes effect. */
export function reachCrashPoint(name: CrashPoint, job: { id: number; attempt: number }): void {
  if (crashPoints.hasSubscribers)
    crashPoints.publish({ point: name, job: job.id, attempt: job.attempt } satisfies CrashPointEvent);
}
