import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { runEnded } from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { countTotals, expire, sendDueResponses } from "./maintenance.ts";
import { reap } from "./reap.ts";
import { handleRequests } from "./requests.ts";
import { schedule, scheduleLarger } from "./schedule.ts";
import { syncRejected } from "./syncRejected.ts";
import { syncTracking } from "./syncTracking.ts";
import { exportTraces } from "./traces/exportTraces.ts";

/** End of a run as reported by its host. */
export interface RunEnded {
  run: string;
  outcome: string;
}

/** The dispatcher's entry points, called by Lambda, or by runtime/local on one machine. */
export interface Handlers {
  /** Handles messages of the request queue. */
  requests(event: SQSEvent): Promise<SQSBatchResponse>;
  /** Handles wake-ups: a job is waiting, or a waiting job was ended. */
  wakeups(event: SQSEvent): Promise<SQSBatchResponse>;
  /** Handles the end of a local run, which frees its slot. In AWS, `tick` handles it. */
  runEnded(event: RunEnded): Promise<void>;
  /** Runs on a schedule, and in AWS when a run ends. Does everything that a lost event should have triggered. */
  tick(): Promise<void>;
}

export function createHandlers(context: DispatcherDeps): Handlers {
  const scheduleAll = () => schedule(context, true);
  const maintenanceTasks = {
    reap,
    sendDueResponses,
    // Larger runs before others: `schedule` may give all slots to runs that hold them for hours.
    scheduleLarger,
    schedule: scheduleAll,
    syncTracking,
    syncRejected,
    countTotals,
    expire,
    // Last, so that a slow collector delays no other task of this tick.
    exportTraces,
  };
  return {
    requests: (event) => handleRequests(context, event),
    async wakeups() {
      await schedule(context);
      await sendDueResponses(context);
      return { batchItemFailures: [] };
    },
    async runEnded({ run, outcome }) {
      await runEnded(context.db, run, outcome);
      await reap(context);
      await schedule(context);
    },
    async tick() {
      // Reaping comes first, so that lost jobs are requeued or get their responses in the same tick. A failing task does
      // not stop the others.
      for (const [name, task] of Object.entries(maintenanceTasks)) {
        try {
          await task(context);
        } catch (error) {
          context.log.error(
            { task: name, error: error instanceof Error ? error.stack : String(error) },
            "a maintenance task failed",
          );
        }
      }
    },
  };
}
