import { addTotals } from "../monitoring/totals.ts";
import { deliverResponses } from "../requests/responses.ts";
import { dueResponses } from "../store/jobs.ts";
import { expireAudit, expireJobs } from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";

/** Maximum responses per batch: this many of jobs, and as many to requests that created no job. */
const RESPONSE_BATCH = 50;

/**
 * Sends responses whose sending was not recorded in time, until none is due.
 * @returns The number of sent responses.
 */
export async function sendDueResponses({ db, sqs, queues, log }: DispatcherDeps): Promise<number> {
  let sent = 0;
  for (;;) {
    const due = await dueResponses(db, RESPONSE_BATCH);
    const failed = await deliverResponses(sqs, queues, db, due);
    sent += due.length - failed.length;
    if (failed.length > 0)
      log.warn(
        { failed: failed.length, error: String(failed[0]?.error) },
        "responses could not be sent; they stay due",
      );
    if (due.length < RESPONSE_BATCH || failed.length > 0) return sent;
  }
}

/** Adds the jobs that ended since the last count to the totals for Prometheus and to the usage per tenant. */
export const countTotals = ({ db }: DispatcherDeps): Promise<void> => addTotals(db);

/** Maximum number of jobs, and of audit entries, deleted per tick, so that ticks stay short; the next tick continues. */
const EXPIRY_BATCH = 1_000;
const DAY_MS = 86_400_000;

/**
 * Deletes ended jobs, rejected requests, their documents, and entries of the audit trail after their retention periods.
 * Results expire by bucket lifecycle rules.
 */
export async function expire({ db, tracking, settings, log }: DispatcherDeps): Promise<void> {
  const { retentionDays, auditDays } = settings.jobs;
  await expireAudit(db, auditDays, EXPIRY_BATCH);
  const jobs = await expireJobs(db, retentionDays, EXPIRY_BATCH);
  // Also if no job expired now: the store may have been unavailable when the jobs of its documents expired.
  const documents = await tracking.expire(new Date(Date.now() - retentionDays * DAY_MS).toISOString());
  if (jobs > 0 || documents > 0) log.info({ jobs, documents, retentionDays }, "expired");
}
