import type { Unwritten } from "../tracking/store.ts";
import type { Context } from "./context.ts";

/** How many documents one write carries. */
const BATCH = 500;
/** The longest that a store which failed, or a document that was not taken, is left alone. Seconds. */
const LONGEST_PAUSE = 60;

/** Grows with each failure; `failures` is how many there were. */
const later = `jobs.clock() + least(${LONGEST_PAUSE}, 2 ^ least(failures, 10)) * interval '1 second'`;

/** A document that is behind. Those that were refused before come last. */
interface Behind {
  id: string;
  version: string;
  document: Parameters<Context["tracking"]["put"]>[0][number]["document"];
  pauses: number;
}

/**
 * Brings the tracking store up to the jobs: writes the documents that have changed, by id and version, then forgets
 * that they had. What is not taken stays behind and is tried again, at growing intervals: a store that is down only
 * makes all of it wait, a document that is refused waits alone. Answers how many documents were written.
 */
export async function project(context: Context): Promise<number> {
  let written = 0;
  for (;;) {
    const { rows } = await context.db.query<Behind>(
      `select d.id, d.version, d.document, p.failures as pauses
       from jobs.tracking_pause p, jobs.tracking_outbox o join jobs.documents d on d.id = o.job_id
       where p.paused_until <= jobs.clock() and (o.not_before is null or o.not_before <= jobs.clock())
       order by o.failures, o.job_id limit $1`,
      [BATCH],
    );
    if (rows.length === 0) return written;
    const unwritten = await put(context, rows);
    const refused = new Set(unwritten.map(({ index }) => index));
    await settle(
      context,
      rows.filter((_, index) => !refused.has(index)),
      rows.filter((_, index) => refused.has(index)),
    );
    written += rows.length - refused.size;
    if (rows.length < BATCH || refused.size === rows.length) return written;
  }
}

/** Writes a batch. A store that fails is paused, longer each time, until it has taken one again. */
async function put({ db, tracking, log }: Context, rows: readonly Behind[]): Promise<Unwritten[]> {
  let unwritten: Unwritten[];
  try {
    unwritten = await tracking.put(rows.map((row) => ({ version: Number(row.version), document: row.document })));
  } catch (error) {
    await db.query(`update jobs.tracking_pause set failures = failures + 1, paused_until = ${later}`);
    throw error;
  }
  if (rows.some((row) => row.pauses > 0))
    await db.query("update jobs.tracking_pause set failures = 0, paused_until = '-infinity'");
  const [first] = unwritten;
  if (first)
    log.warn(
      { documents: unwritten.length, first: { job: rows[first.index]?.id, reason: first.reason } },
      "the tracking store did not take every document",
    );
  return unwritten;
}

/** Forgets what was written, unless it has changed since, and puts off what was not. */
async function settle({ db }: Context, written: readonly Behind[], refused: readonly Behind[]): Promise<void> {
  await db.query(
    `delete from jobs.tracking_outbox o using unnest($1::bigint[], $2::bigint[]) written(id, version)
     where o.job_id = written.id and o.version <= written.version`,
    [written.map((row) => row.id), written.map((row) => row.version)],
  );
  if (refused.length > 0)
    await db.query(
      `update jobs.tracking_outbox set failures = failures + 1, not_before = ${later} where job_id = any ($1)`,
      [refused.map((row) => row.id)],
    );
}

/** Marks every document as behind, for a store that was lost: ticks bring it up to the jobs again. Answers how many. */
export async function trackAll(db: Context["db"]): Promise<number> {
  const { rows } = await db.query<{ documents: number }>("select jobs.track_all()::float8 as documents");
  return rows[0]?.documents ?? 0;
}
