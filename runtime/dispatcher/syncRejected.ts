import type { DispatcherDeps } from "./deps.ts";
import { type PendingDocument, retryTime, writeBacklog } from "./syncTracking.ts";

/**
 * Writes documents of rejected requests to the tracking store, as `syncTracking` does for jobs.
 * @returns The number of written documents.
 */
export const syncRejected = ({ db, ...context }: DispatcherDeps): Promise<number> =>
  writeBacklog(
    { db, ...context },
    {
      async next(limit) {
        const { rows } = await db.query<PendingDocument>(
          `select r.id, r.version, r.document, p.failures as pauses from jobs.tracking_pause p, jobs.rejected_documents r
           where p.paused_until <= jobs.clock() and not r.tracked and (r.not_before is null or r.not_before <= jobs.clock())
           order by r.failures, r.id limit $1`,
          [limit],
        );
        return rows;
      },
      async settle(written, refused) {
        await db.query(
          `update jobs.rejected r set tracked = true, failures = 0, not_before = null
           from unnest($1::text[], $2::integer[]) written(id, copies) where r.id = written.id and r.copies = written.copies`,
          [written.map(({ id }) => id), written.map(({ version }) => version)],
        );
        if (refused.length > 0)
          await db.query(
            `update jobs.rejected set failures = failures + 1, not_before = ${retryTime} where id = any ($1)`,
            [refused.map(({ id }) => id)],
          );
      },
    },
  );
