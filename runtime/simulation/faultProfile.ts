import type { CallOutcome } from "./actor.ts";

/** Probability of each kind of fault in one schedule, per turn or call. */
export interface FaultProfile {
  readonly crash: number;
  readonly lost: number;
  readonly pause: number;
  /** Probability that a run stalls before it ends its job, or a dispatcher before it launches a run. */
  readonly stall: number;
  readonly jump: number;
  readonly refuse: number;
  readonly cancel: number;
  readonly repeat: number;
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
