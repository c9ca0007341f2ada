import type { Played } from "../worker.ts";
import { ProcessHarness } from "./harness.ts";
import { play } from "./schedule.ts";

/** Number of schedules after which the platform is recreated, with another tracking store. */
const ACT = 5;
const TRACKING = ["postgres", "unsteady", "nowhere"] as const;

/**
 * Plays schedules against the platform's processes, one after the other on one platform, every few of them on a new one,
 * each with a tracking store that fares in another way.
 * @param onPlayed called for every schedule; answers whether another one is wanted
 */
export async function runProcessSchedules(
  { seed, count }: { seed: number; count: number },
  onPlayed: (played: Played) => boolean | undefined,
): Promise<void> {
  const end = seed + count;
  let next = seed;
  for (let act = Math.floor(seed / ACT); next < end; act++) {
    const stage = await ProcessHarness.open({ tracking: TRACKING[act % TRACKING.length] ?? "postgres" });
    try {
      for (let played = 0; played < ACT && next < end; played++, next++) {
        const { broken, history } = await play(stage, next);
        const more = onPlayed({
          seed: next,
          broken,
          history: broken.length > 0 ? [...history, stage.logs()] : history,
        });
        if (more === false) return;
        // What was left behind must not be taken for the next one's.
        if (broken.length > 0) played = ACT;
      }
    } finally {
      await stage.close();
    }
  }
}
