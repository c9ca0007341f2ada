import { hashOf, type Request, type Task } from "../contract/request.ts";
import type { Database } from "../store/jobs.ts";
import { canonical } from "./parse.ts";

/** Returns true if the tenant has a job with this id. */
export async function hasJob(db: Database, tenant: string, requestId: string): Promise<boolean> {
  const { rows } = await db.query("select from jobs.documents where tenant = $1 and request_id = $2", [
    tenant,
    requestId,
  ]);
  return rows.length > 0;
}

/**
 * Finds the job that a request repeats.
 * @returns the job's request hash; undefined if no job has this id, or its task differs
 */
export async function findRequestHash(
  db: Database,
  { tenant, requestId, task }: Pick<Request, "tenant" | "requestId" | "task">,
): Promise<string | undefined> {
  const { rows } = await db.query("select jobs.find_job($1, $2, $3, $4) as hash", [
    tenant,
    requestId,
    hashOf(canonical(task)),
    storedTask(task),
  ]);
  return rows[0].hash ?? undefined;
}

/**
 * Returns a task as its job stores it; null for a batch, which jobs store differently. A job is also found by this text,
 * since its hash differs if an earlier version had other defaults for the named query.
 */
const storedTask = (task: Task): string | null => ("source" in task ? null : JSON.stringify(task));
