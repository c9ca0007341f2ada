import { sendResponse } from "../requests/responses.ts";
import { dueResponses } from "../store/jobs.ts";
import type { Context } from "./context.ts";

/** How many responses one sweep takes at once. */
const BATCH = 50;

/** Sends responses whose sending nobody recorded in time, until none is due. Answers how many. */
export async function sweep({ db, sqs, queues, log }: Context): Promise<number> {
  let sent = 0;
  for (;;) {
    const due = await dueResponses(db, BATCH);
    const results = await Promise.allSettled(due.map((response) => sendResponse(sqs, queues, db, response)));
    const failed = results.filter((result) => result.status === "rejected");
    sent += due.length - failed.length;
    if (failed.length > 0)
      log.warn(
        { failed: failed.length, error: String(failed[0]?.reason) },
        "responses could not be sent; they stay due",
      );
    if (due.length < BATCH || failed.length > 0) return sent;
  }
}
