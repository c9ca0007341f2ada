import type { ScheduleResult } from "../worker.ts";
import { ProcessHarness } from "./harness.ts";
import { runSchedule } from "./schedule.ts";

/** Number of seeds that share a tracking store; after the last of them, the platform is recreated with another store. */
const SEEDS_PER_STORE = 5;
const TRACKING = ["postgres", "unsteady", "nowhere"] as const;

/** Returns the tracking store of a schedule. It depends on the seed only, so that a seed alone repeats a schedule. */
const trackingOf = (seed: number): (typeof TRACKING)[number] =>
  TRACKING[Math.floor(seed / SEEDS_PER_STORE) % TRACKING.length] ?? "postgres";

/**
 * Runs schedules against the platform's processes, one after the other. The platform is recreated for every tracking
 * store, and after a violation.
 *
 * @param onResult - Called for every schedule; `false` ends the simulation.
 */
export async function runProcessSchedules(
  { seed, count }: { seed: number; count: number },
  onResult: (result: ScheduleResult) => boolean | undefined,
): Promise<void> {
  const end = seed + count;
  let next = seed;
  while (next < end) {
    const tracking = trackingOf(next);
    const harness = await ProcessHarness.open({ tracking });
    try {
      let isIntact = true;
      // Leftovers of a failed schedule must not affect the next one.
      for (; isIntact && next < end && trackingOf(next) === tracking; next++) {
        const { violations, history } = await runSchedule(harness, next);
        isIntact = violations.length === 0;
        const shouldContinue = onResult({
          seed: next,
          violations,
          history: isIntact ? history : [...history, harness.logs()],
        });
        if (shouldContinue === false) return;
      }
    } finally {
      await harness.close();
    }
  }
}
