import type { Context } from "./context.ts";

/** How many documents one write carries. */
const BATCH = 500;

/**
 * Brings the tracking store up to the jobs: writes the documents that have changed, by id and version, then forgets
 * that they had. A store that is down only makes this wait. Answers how many documents were written.
 */
export async function project({ db, tracking }: Context): Promise<number> {
  let written = 0;
  for (;;) {
    const { rows } = await db.query(
      `select d.id, d.version, d.document from jobs.tracking_outbox o join jobs.documents d on d.id = o.job_id order by o.job_id limit $1`,
      [BATCH],
    );
    if (rows.length === 0) return written;
    await tracking.put(rows.map((row) => ({ version: Number(row.version), document: row.document })));
    await db.query(
      `delete from jobs.tracking_outbox o using unnest($1::bigint[], $2::bigint[]) written(id, version)
       where o.job_id = written.id and o.version <= written.version`,
      [rows.map((row) => row.id), rows.map((row) => row.version)],
    );
    written += rows.length;
    if (rows.length < BATCH) return written;
  }
}
