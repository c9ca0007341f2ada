import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { runEnded } from "../store/runs.ts";
import type { Context } from "./context.ts";
import { expire } from "./expire.ts";
import { project } from "./project.ts";
import { projectRejected } from "./projectRejected.ts";
import { reap } from "./reap.ts";
import { onRequests } from "./requests.ts";
import { schedule, scheduleLarger } from "./schedule.ts";
import { sweep } from "./sweep.ts";

/** A run's end, as whoever hosts runs tells it. */
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

export function createHandlers(context: Context): Handlers {
  // A larger run before the others: the slots that they take may be taken for hours.
  const duties = { reap, sweep, scheduleLarger, schedule, project, projectRejected, expire };
  return {
    requests: (event) => onRequests(context, event),
    async wakeups() {
      await schedule(context);
      await sweep(context);
      return { batchItemFailures: [] };
    },
    async runEnded({ run, outcome }) {
      await runEnded(context.db, run, outcome);
      await reap(context);
      await schedule(context);
    },
    async tick() {
      // In this order: what was reaped can be answered and started again at once. No duty keeps the next from its turn.
      for (const [name, duty] of Object.entries(duties)) {
        try {
          await duty(context);
        } catch (error) {
          context.log.error(
            { duty: name, error: error instanceof Error ? error.stack : String(error) },
            "a duty of the tick failed",
          );
        }
      }
    },
  };
}
