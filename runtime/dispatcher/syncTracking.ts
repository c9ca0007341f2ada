import type { UnwrittenDocument, VersionedDocument } from "../tracking/store.ts";
import type { DispatcherDeps } from "./deps.ts";

/** Documents per write. */
const BATCH = 500;
/** Longest pause after a failure of the store or of a document. */
const MAX_PAUSE_SECONDS = 60;

/**
 * SQL for the end of the pause after a refused document or a failure of the store. The pause doubles with each failure
 * (column `failures`).
 */
export const retryTime = `jobs.clock() + least(${MAX_PAUSE_SECONDS}, 2 ^ least(failures, 10)) * interval '1 second'`;

/** A document whose current version the tracking store lacks. */
export interface PendingDocument {
  id: string;
  version: string | number;
  document: VersionedDocument["document"];
  /** Consecutive failures of the store. */
  pauses: number;
}

/** Pending documents of jobs, or of rejected requests. */
export interface Backlog {
  /** Reads the next documents that are due while the store is not paused, previously refused documents last. */
  next(limit: number): Promise<PendingDocument[]>;
  /**
   * Records the outcome: removes written documents from the backlog, unless they changed meanwhile, and delays refused
   * documents.
   */
  settle(written: readonly PendingDocument[], refused: readonly PendingDocument[]): Promise<void>;
}

/**
 * Writes all due documents of a backlog. Documents that fail stay pending and are retried at growing intervals. If the
 * store is down, all of them wait; a refused document delays no other.
 * @returns The number of written documents.
 */
export async function writeBacklog(context: DispatcherDeps, backlog: Backlog): Promise<number> {
  let written = 0;
  for (;;) {
    const pending = await backlog.next(BATCH);
    if (pending.length === 0) return written;
    const unwritten = await put(context, pending);
    const refused = new Set(unwritten.map(({ index }) => index));
    await backlog.settle(
      pending.filter((_, index) => !refused.has(index)),
      pending.filter((_, index) => refused.has(index)),
    );
    written += pending.length - refused.size;
    if (refused.size === pending.length) return written;
  }
}

/**
 * Writes changed documents to the tracking store.
 * @returns The number of written documents.
 */
export const syncTracking = (context: DispatcherDeps): Promise<number> => {
  let batch: Batch = NO_BATCH;
  let isPassComplete = false;
  return writeBacklog(context, {
    async next(limit) {
      if (isPassComplete) return [];
      const { rows } = await context.db.query<PendingDocument & Batch>("select * from jobs.untracked_batch($1)", [
        limit,
      ]);
      batch = rows[0] ?? NO_BATCH;
      isPassComplete = batch.is_last === true && rows.length < limit;
      return rows;
    },
    async settle(written, refused) {
      await context.db.query("select jobs.tracked($1, $2, $3, $4, $5, $6)", [
        batch.pass,
        batch.last_changed,
        batch.last_id,
        batch.is_last,
        written.map(({ id }) => id),
        refused.map(({ id }) => id),
      ]);
    },
  });
};

/** Progress of a pass after a batch of jobs.untracked_batch; null if all documents of the batch were refused before. */
interface Batch {
  pass: string | null;
  last_changed: string | null;
  last_id: string | null;
  is_last: boolean | null;
}
const NO_BATCH: Batch = { pass: null, last_changed: null, last_id: null, is_last: null };

/**
 * Writes a batch. After a failure of the store, writing pauses, longer each time, until the store accepts a batch
 * again.
 */
async function put(
  { db, tracking, log }: DispatcherDeps,
  rows: readonly PendingDocument[],
): Promise<UnwrittenDocument[]> {
  let unwritten: UnwrittenDocument[];
  try {
    unwritten = await tracking.put(rows.map((row) => ({ version: Number(row.version), document: row.document })));
  } catch (error) {
    await db.query(`update jobs.tracking_pause set failures = failures + 1, paused_until = ${retryTime}`);
    throw error;
  }
  if (rows.some((row) => row.pauses > 0))
    await db.query("update jobs.tracking_pause set failures = 0, paused_until = '-infinity'");
  const [first] = unwritten;
  if (first)
    log.warn(
      { documents: unwritten.length, first: { id: rows[first.index]?.id, reason: first.reason } },
      "the tracking store did not accept every document",
    );
  return unwritten;
}

/**
 * Marks all documents as pending, for a store that lost its data; ticks write them again.
 * @returns The number of marked documents.
 */
export async function reindexAll(db: DispatcherDeps["db"]): Promise<number> {
  const { rows } = await db.query<{ documents: number }>("select jobs.track_all()::float8 as documents");
  return rows[0]?.documents ?? 0;
}
