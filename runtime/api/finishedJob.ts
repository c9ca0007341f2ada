import type { JobDocument } from "../contract/document.ts";
import { JobError } from "../contract/errors.ts";
import { isTerminal } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";

/** A job that has ended: its document and its response, byte for byte. */
interface FinishedJob {
  document: JobDocument;
  body: string;
}

/**
 * Reads a job that has ended.
 *
 * @throws JobError UnknownJob, or NotFinished while it waits or runs.
 */
export async function readFinishedJob(db: Database, tenant: string, requestId: string): Promise<FinishedJob> {
  const { rows } = await db.query(
    `select d.document, r.body from jobs.documents d left join jobs.job_responses r on r.job_id = d.id
     where d.tenant = $1 and d.request_id = $2`,
    [tenant, requestId],
  );
  const [job] = rows;
  if (!job) throw new JobError("UnknownJob", { requestId, tenant });
  const { status } = job.document;
  if (!isTerminal(status)) throw new JobError("NotFinished", { status });
  return job;
}

/**
 * Reads a job that has succeeded, with its result.
 *
 * @throws JobError UnknownJob, NotFinished, or NoResult if the job failed or was cancelled.
 */
export async function readSucceededJob(
  db: Database,
  tenant: string,
  requestId: string,
): Promise<FinishedJob & { result: NonNullable<JobDocument["result"]> }> {
  const { document, body } = await readFinishedJob(db, tenant, requestId);
  const { status, error, result } = document;
  if (status !== "SUCCEEDED" || !result)
    throw new JobError("NoResult", { status, reason: error?.message ?? "it was stopped." });
  return { document, body, result };
}
