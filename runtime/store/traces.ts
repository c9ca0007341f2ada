import type { JobDocument } from "../contract/document.ts";
import type { Database } from "./jobs.ts";

/** Launch and start of a run (ISO times). */
export interface RunTimes {
  launchedAt: string;
  startedAt: string;
}

/** An ended job whose spans are due. */
export interface PendingTrace {
  id: number;
  /** Null for a job that no longer exists. */
  document: JobDocument | null;
  /** Times of its runs by run id; null without runs. */
  runs: Record<string, RunTimes> | null;
}

/** Reserves, for one minute, ended jobs whose spans are due. Returns none while exports are paused. */
export async function pendingTraces(db: Database, limit: number): Promise<PendingTrace[]> {
  const { rows } = await db.query("select id, document, runs from jobs.next_traces($1)", [limit]);
  return rows.map(({ id, document, runs }) => ({ id: Number(id), document, runs }));
}

/** Records that traces were exported or refused, or (`isFailed`) that the collector failed: they stay due, exports pause. */
export async function tracesExported(
  db: Database,
  jobs: readonly number[],
  { isFailed }: { isFailed: boolean },
): Promise<void> {
  await db.query("select jobs.traces_exported($1, $2)", [jobs, isFailed]);
}

/** Deletes at most `limit` pending traces, for a platform that exports none. */
export async function discardTraces(db: Database, limit: number): Promise<void> {
  await db.query("select jobs.discard_traces($1)", [limit]);
}
