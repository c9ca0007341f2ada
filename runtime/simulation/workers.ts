import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SimulationOptions } from "./options.ts";
import type { PlayedSchedule } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Runs the schedules in several processes, each of which takes the next seed when it has finished one. A schedule whose
 * process ends counts as broken, as does a process that cannot begin.
 *
 * @param onPlayed - Called for every schedule.
 */
export async function runWorkers(
  { seed, count, workers }: Pick<SimulationOptions, "seed" | "count" | "workers">,
  onPlayed: (played: PlayedSchedule) => void,
) {
  const end = seed + count;
  let next = seed;
  const player = async () => {
    const child = fork(WORKER, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const exited = once(child, "exit");
    let current: number | undefined = next < end ? next++ : undefined;
    child.on("message", (message: PlayedSchedule | "ready") => {
      if (message !== "ready") {
        onPlayed(message);
        current = next < end ? next++ : undefined;
      }
      sendSchedule(child, current);
    });
    const [code, signal] = await exited;
    if (current !== undefined)
      onPlayed({
        seed: current,
        violations: [`its process ended (${signal ?? code}) before its schedule ended`],
        history: [],
      });
  };
  await Promise.all(Array.from({ length: Math.min(workers, count) }, player));
  // Every process ended early: the remaining schedules count as broken.
  if (next < end)
    onPlayed({ seed: next, violations: [`no process is left to play it and ${end - next - 1} more`], history: [] });
}

/** Sends a process its next schedule; without one, it ends. */
function sendSchedule(child: ChildProcess, seed: number | undefined): void {
  if (seed === undefined) child.disconnect();
  else child.send(seed);
}
