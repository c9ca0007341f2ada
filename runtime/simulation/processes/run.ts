import type { ScheduleResult } from "../worker.ts";
import { ProcessHarness } from "./harness.ts";
import { runSchedule } from "./schedule.ts";

/** Number of schedules after which the platform is recreated, with another tracking store. */
const SCHEDULES_PER_HARNESS = 5;
const TRACKING = ["postgres", "unsteady", "nowhere"] as const;

/**
 * Runs schedules against the platform's processes, one after the other. The platform is recreated every few schedules,
 * each time with another tracking store.
 *
 * @param onResult - Called for every schedule; `false` ends the simulation.
 */
export async function runProcessSchedules(
  { seed, count }: { seed: number; count: number },
  onResult: (result: ScheduleResult) => boolean | undefined,
): Promise<void> {
  const end = seed + count;
  let next = seed;
  for (let harnessIndex = Math.floor(seed / SCHEDULES_PER_HARNESS); next < end; harnessIndex++) {
    const harness = await ProcessHarness.open({ tracking: TRACKING[harnessIndex % TRACKING.length] ?? "postgres" });
    try {
      for (let count = 0; count < SCHEDULES_PER_HARNESS && next < end; count++, next++) {
        const { violations, history } = await runSchedule(harness, next);
        const shouldContinue = onResult({
          seed: next,
          violations,
          history: violations.length > 0 ? [...history, harness.logs()] : history,
        });
        if (shouldContinue === false) return;
        // Leftovers of a failed schedule must not affect the next one.
        if (violations.length > 0) count = SCHEDULES_PER_HARNESS;
      }
    } finally {
      await harness.close();
    }
  }
}
