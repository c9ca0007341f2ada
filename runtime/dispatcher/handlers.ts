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

/** End of a run, as its host reports it. */
export interface RunEnded {
  run: string;
  outcome: string;
}

/** The dispatcher's entry points: in the cloud Lambda calls them, on one machine runtime/local does. */
export interface Handlers {
  /** Messages of the request queue. */
  requests(event: SQSEvent): Promise<SQSBatchResponse>;
  /** Messages of the wake-up queue: a job waits, or was ended while it did. */
  wakeups(event: SQSEvent): Promise<SQSBatchResponse>;
  /** A run has ended: its slot is free. */
  runEnded(event: RunEnded): Promise<void>;
  /** On a schedule, as the last resort for everything that an event should have brought about. */
  tick(): Promise<void>;
}

export function createHandlers(context: DispatcherDeps): Handlers {
  // A larger run before the others: the slots that they take may be taken for hours.
  const scheduleAll = () => schedule(context, true);
  const maintenanceTasks = {
    reap,
    sendDueResponses,
    scheduleLarger,
    schedule: scheduleAll,
    syncTracking,
    syncRejected,
    countTotals,
    expire,
    // Last: a collector that is slow delays nothing else of this tick.
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
      // In this order: what was reaped can be answered and started again at once. No task keeps the next from its turn.
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
