import { deliverResponses } from "../requests/responses.ts";
import { dueResponses } from "../store/jobs.ts";
import type { DispatcherDeps } from "./context.ts";

/** How many responses one sweep takes at once. */
const BATCH = 50;

/** Sends responses whose sending nobody recorded in time, until none is due. Answers how many. */
export async function sendDueResponses({ db, sqs, queues, log }: DispatcherDeps): Promise<number> {
  let sent = 0;
  for (;;) {
    const due = await dueResponses(db, BATCH);
    const failed = await deliverResponses(sqs, queues, db, due);
    sent += due.length - failed.length;
    if (failed.length > 0)
      log.warn(
        { failed: failed.length, error: String(failed[0]?.error) },
        "responses could not be sent; they stay due",
      );
    if (due.length < BATCH || failed.length > 0) return sent;
  }
}
