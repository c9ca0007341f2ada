import { setTimeout as pause } from "node:timers/promises";
import type { Backend, Database } from "./jobs.ts";

/** Returns the database session of this connection. */
export async function backendOf(db: Database): Promise<Backend> {
  const { rows } = await db.query(
    "select pid, backend_start::text as start from pg_stat_activity where pid = pg_backend_pid()",
  );
  return rows[0];
}

/** Interval between checks of a cancelled statement. Milliseconds. */
const POLL_MS = 5;
const IS_BUSY = "exists (select from pg_stat_activity where pid = $1 and backend_start = $2 and state = 'active')";
const HAS_ENDED = "not exists (select from pg_stat_activity where pid = $1 and backend_start = $2)";

/**
 * Ends a database session and returns once it is gone. Cancels its statement first, so that it can end cleanly. Then
 * terminates the session, repeatedly until it is gone: COPY FROM STDIN ignores a cancel while it waits for its client.
 *
 * @param db - A connection with the role `canceller`.
 * @param graceMs - Maximum wait for the cancelled statement. @default 200
 * @param timeoutMs - Maximum duration of the whole call. @default 30_000
 * @throws Error if the session still exists after `timeoutMs`, since the calling code relies on its end
 */
export async function endBackend(db: Database, backend: Backend, graceMs = 200, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const { rows } = await db.query(
    "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2",
    [backend.pid, backend.start],
  );
  if (rows.length === 0) return;
  const graceEnds = Date.now() + graceMs;
  // A session that waits for its client, in or between transactions, has no statement to cancel.
  while (
    Date.now() < graceEnds &&
    (await db.query(`select ${IS_BUSY} as busy`, [backend.pid, backend.start])).rows[0].busy
  )
    await pause(POLL_MS);
  for (let wait = 5; ; wait = Math.min(250, wait * 2)) {
    await db.query("select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2", [
      backend.pid,
      backend.start,
    ]);
    if ((await db.query(`select ${HAS_ENDED} as gone`, [backend.pid, backend.start])).rows[0].gone) return;
    if (Date.now() > deadline)
      throw new Error(`database session ${backend.pid} (started ${backend.start}) did not end in time`);
    await pause(wait);
  }
}
