import type { CallOutcome } from "./actor.ts";

/** Probability of each kind of fault in one schedule, per turn or call. */
export interface FaultProfile {
  /** An actor crashes at a call. */
  readonly crash: number;
  /** A call's connection is lost, before or after the call is executed. */
  readonly lost: number;
  readonly pause: number;
  /** A run stalls before it ends its job, or a dispatcher before it launches a run. */
  readonly stall: number;
  /** The clock jumps. */
  readonly jump: number;
  /** A launch is refused, throttled, partial or has an unknown outcome. */
  readonly refuse: number;
  /** A caller cancels a job. */
  readonly cancel: number;
  /** A deleted message is delivered again. */
  readonly repeat: number;
  /** The dispatcher is invoked by its timer. */
  readonly tick: number;
}

/**
 * Draws a profile in which some kinds of faults are frequent and others rare. With equal probabilities, several faults of
 * one kind in a row would hardly ever occur (swarm testing: Groce et al., ISSTA 2012).
 */
export const faultProfile = (pick: () => number): FaultProfile => {
  const often = (max: number) => (pick() < 0.5 ? max : max / 10);
  return {
    crash: often(0.06),
    lost: often(0.06),
    pause: often(0.3),
    stall: often(0.5),
    jump: often(0.4),
    refuse: often(0.2),
    cancel: often(0.2),
    repeat: often(0.4),
    tick: often(0.4),
  };
};

/**
 * Draws the outcome of a call.
 *
 * @param chance - Random number in [0, 1).
 */
export function callOutcome(chance: number, { crash, lost }: FaultProfile): CallOutcome {
  if (chance < crash) return "crash";
  if (chance < crash + lost / 2) return "failBefore";
  if (chance < crash + lost) return "failAfter";
  return "go";
}
