import type { Unwritten, Versioned } from "../tracking/store.ts";
import type { DispatcherDeps } from "./deps.ts";

/** Documents of one write. */
const BATCH = 500;
/** The longest that a store which failed, or a document that was not taken, is left alone. Seconds. */
const LONGEST_PAUSE = 60;

/** SQL of the time until which a refused document is left alone. Grows with each failure; `failures` counts them. */
export const retryTime = `jobs.clock() + least(${LONGEST_PAUSE}, 2 ^ least(failures, 10)) * interval '1 second'`;

/** A document that is behind. */
export interface PendingDocument {
  id: string;
  version: string | number;
  document: Versioned["document"];
  /** Failures of the store since it last took documents. */
  pauses: number;
}

/** Documents of one origin that the tracking store lacks. */
export interface Backlog {
  /** The next ones whose time has come while the store is not paused; those that were refused before come last. */
  next(limit: number): Promise<PendingDocument[]>;
  /** Notes what became of them: forgets what was written, unless it has changed since, and puts off what was refused. */
  settle(written: readonly PendingDocument[], refused: readonly PendingDocument[]): Promise<void>;
}

/**
 * Writes a backlog, by id and version. What is not taken stays behind and is tried again, at growing intervals: a store
 * that is down only makes all of it wait, a document that is refused waits alone.
 * @returns how many documents were written
 */
export async function writeBacklog(context: DispatcherDeps, backlog: Backlog): Promise<number> {
  let written = 0;
  for (;;) {
    const behind = await backlog.next(BATCH);
    if (behind.length === 0) return written;
    const unwritten = await put(context, behind);
    const refused = new Set(unwritten.map(({ index }) => index));
    await backlog.settle(
      behind.filter((_, index) => !refused.has(index)),
      behind.filter((_, index) => refused.has(index)),
    );
    written += behind.length - refused.size;
    if (refused.size === behind.length) return written;
  }
}

/** Brings the tracking store up to the jobs: writes the documents that have changed. Returns how many. */
export const syncTracking = (context: DispatcherDeps): Promise<number> => {
  let batch: Batch = NO_BATCH;
  let isAll = false;
  return writeBacklog(context, {
    async next(limit) {
      if (isAll) return [];
      const { rows } = await context.db.query<PendingDocument & Batch>("select * from jobs.untracked_batch($1)", [
        limit,
      ]);
      batch = rows[0] ?? NO_BATCH;
      isAll = batch.is_last === true && rows.length < limit;
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

/** Progress of a pass with a batch of jobs.untracked_batch; nulls if it has only previously refused documents. */
interface Batch {
  pass: string | null;
  last_changed: string | null;
  last_id: string | null;
  is_last: boolean | null;
}
const NO_BATCH: Batch = { pass: null, last_changed: null, last_id: null, is_last: null };

/** Writes a batch. A store that fails is paused, longer each time, until it has taken one again. */
async function put({ db, tracking, log }: DispatcherDeps, rows: readonly PendingDocument[]): Promise<Unwritten[]> {
  let unwritten: Unwritten[];
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
      "the tracking store did not take every document",
    );
  return unwritten;
}

/** Marks every document as behind, for a store that was lost: ticks bring it up to the jobs again. Answers how many. */
export async function reindexAll(db: DispatcherDeps["db"]): Promise<number> {
  const { rows } = await db.query<{ documents: number }>("select jobs.track_all()::float8 as documents");
  return rows[0]?.documents ?? 0;
}
