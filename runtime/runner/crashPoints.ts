import { channel } from "node:diagnostics_channel";

/**
 * The instants at which a run can be killed or paused and nothing may be lost or done twice. A runner publishes each as
 * it passes; nobody listens in production (a publish without a subscriber costs nothing), fault tests do.
 */
export const STEPS = ["claim", "BEGIN", "COPY", "fence", "COMMIT", "outbox", "send"] as const;
export type Step = (typeof STEPS)[number];

/** What a step's subscriber is told. */
export interface StepEvent {
  step: Step;
  /** The job's row id. */
  job: number;
  attempt: number;
}

export const steps = channel("rates:step");

/** Marks that a run is at this step of this job: just before it takes effect. */
export function step(name: Step, job: { id: number; attempt: number }): void {
  if (steps.hasSubscribers) steps.publish({ step: name, job: job.id, attempt: job.attempt } satisfies StepEvent);
}
