import type { Versioned } from "../tracking/store.ts";
import type { Context } from "./context.ts";

/** Documents of one write. */
const BATCH = 500;
/** The longest time that a document which was refused is left alone. Seconds. */
const LONGEST_PAUSE = 60;

/**
 * Writes the documents of rejected requests into the tracking store, as `project` does those of jobs. One that is refused
 * is tried again at growing intervals, after the others. Returns how many were written.
 */
export async function projectRejected({ db, tracking, log }: Context): Promise<number> {
  let written = 0;
  for (;;) {
    const { rows } = await db.query<{ id: string; version: number; document: Versioned["document"] }>(
      `select r.id, r.version, r.document from jobs.tracking_pause p, jobs.rejected_documents r
       where p.paused_until <= jobs.clock() and not r.tracked and (r.not_before is null or r.not_before <= jobs.clock())
       order by r.failures, r.id limit $1`,
      [BATCH],
    );
    if (rows.length === 0) return written;
    const unwritten = await tracking.put(rows.map(({ version, document }) => ({ version, document })));
    const refused = new Set(unwritten.map(({ index }) => index));
    const taken = rows.filter((_, index) => !refused.has(index));
    await db.query(
      `update jobs.rejected r set tracked = true, failures = 0, not_before = null
       from unnest($1::text[], $2::integer[]) written(id, copies) where r.id = written.id and r.copies = written.copies`,
      [taken.map(({ id }) => id), taken.map(({ version }) => version)],
    );
    if (refused.size > 0) {
      log.warn({ documents: refused.size, reason: unwritten[0]?.reason }, "rejected requests could not be tracked");
      await db.query(
        `update jobs.rejected set failures = failures + 1,
           not_before = jobs.clock() + least(${LONGEST_PAUSE}, 2 ^ least(failures, 10)) * interval '1 second' where id = any ($1)`,
        [rows.filter((_, index) => refused.has(index)).map(({ id }) => id)],
      );
    }
    written += taken.length;
    if (rows.length < BATCH || taken.length === 0) return written;
  }
}
