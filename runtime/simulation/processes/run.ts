import type { PlayedSchedule } from "../worker.ts";
import { ProcessHarness } from "./harness.ts";
import { play } from "./schedule.ts";

/** Number of schedules after which the platform is recreated, with another tracking store. */
const SCHEDULES_PER_HARNESS = 5;
const TRACKING = ["postgres", "unsteady", "nowhere"] as const;

/**
 * Runs schedules against the platform's processes, one after the other. The platform is recreated every few schedules,
 * each time with another tracking store.
 *
 * @param onPlayed - Called for every schedule; returns whether to continue.
 */
export async function runProcessSchedules(
  { seed, count }: { seed: number; count: number },
  onPlayed: (played: PlayedSchedule) => boolean | undefined,
): Promise<void> {
  const end = seed + count;
  let next = seed;
  for (let act = Math.floor(seed / SCHEDULES_PER_HARNESS); next < end; act++) {
    const harness = await ProcessHarness.open({ tracking: TRACKING[act % TRACKING.length] ?? "postgres" });
    try {
      for (let played = 0; played < SCHEDULES_PER_HARNESS && next < end; played++, next++) {
        const { violations: broken, history } = await play(harness, next);
        const more = onPlayed({
          seed: next,
          violations: broken,
          history: broken.length > 0 ? [...history, harness.logs()] : history,
        });
        if (more === false) return;
        // Leftovers must not count as those of the next schedule.
        if (broken.length > 0) played = SCHEDULES_PER_HARNESS;
      }
    } finally {
      await harness.close();
    }
  }
}
