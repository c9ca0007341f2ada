import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SimulationOptions } from "./options.ts";
import type { ScheduleResult } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Runs the schedules in several processes, each of which takes the next seed when it has finished a schedule. A schedule
 * counts as broken if its process ends before it has finished the schedule, even while starting.
 *
 * @param onResult - Called for every schedule that began, and once for all remaining ones if no process is left.
 */
export async function runWorkers(
  { seed, count, workers }: Pick<SimulationOptions, "seed" | "count" | "workers">,
  onResult: (result: ScheduleResult) => void,
) {
  const end = seed + count;
  let next = seed;
  const runWorker = async () => {
    const child = fork(WORKER, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const exited = once(child, "exit");
    let current: number | undefined = next < end ? next++ : undefined;
    child.on("message", (message: ScheduleResult | "ready") => {
      if (message !== "ready") {
        onResult(message);
        current = next < end ? next++ : undefined;
      }
      sendSchedule(child, current);
    });
    const [code, signal] = await exited;
    if (current !== undefined)
      onResult({
        seed: current,
        violations: [`its process ended (${signal ?? code}) before its schedule ended`],
        history: [],
      });
  };
  await Promise.all(Array.from({ length: Math.min(workers, count) }, runWorker));
  // Every process ended early: the remaining schedules count as broken.
  if (next < end)
    onResult({
      seed: next,
      violations: [`no process is left to run this and ${end - next - 1} further schedules`],
      history: [],
    });
}

/** Sends a worker process its next seed. Without one, disconnects from the process, which then ends. */
function sendSchedule(child: ChildProcess, seed: number | undefined): void {
  if (seed === undefined) child.disconnect();
  else child.send(seed);
}
