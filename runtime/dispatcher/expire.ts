import { expireAudit, expireJobs } from "../store/runs.ts";
import type { DispatcherDeps } from "./context.ts";

/** Jobs forgotten in one go: what is older waits for the next, so that no tick is long. */
const BATCH = 1_000;
const DAY_MS = 86_400_000;

/** Forgets ended jobs and documents that are older than the stack keeps them. Results expire with their bucket. */
export async function expire({ db, tracking, settings, log }: DispatcherDeps): Promise<void> {
  const { retentionDays, auditDays } = settings.jobs;
  await expireAudit(db, auditDays, BATCH);
  const jobs = await expireJobs(db, retentionDays, BATCH);
  if (jobs === 0) return;
  const documents = await tracking.expire(new Date(Date.now() - retentionDays * DAY_MS).toISOString());
  log.info({ jobs, documents, retentionDays }, "expired");
}
