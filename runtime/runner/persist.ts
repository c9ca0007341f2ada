import type { Logger } from "pino";
import { isConflict, isOutage } from "../contract/classify.ts";
import { connect } from "../platform/postgres.ts";
import type { Database } from "../store/jobs.ts";
import { repeatCall } from "../store/repeatCall.ts";

/** Options of `persist`. */
export interface PersistOptions {
  /** The run's own connection. */
  db: Database;
  /** Seconds after which no further call is made. */
  seconds: number;
  log: Logger;
}

/**
 * Repeats an idempotent call after a conflict with another transaction, or over a new connection if the run's own may be
 * lost. Cancelled statements are repeated too: an administrator cancelled them, since the role has no statement timeout.
 */
export async function persist<T>({ db, seconds, log }: PersistOptions, call: (db: Database) => Promise<T>): Promise<T> {
  let mayBeLost = false;
  const callOnce = async () => {
    try {
      return await (mayBeLost ? withNewConnection(call) : call(db));
    } catch (error) {
      mayBeLost ||= isOutage(error);
      throw error;
    }
  };
  return repeatCall(callOnce, {
    isSafe: (error) => isOutage(error) || isConflict(error),
    calls: Number.POSITIVE_INFINITY,
    seconds,
    onRepeat: (error) => log.warn({ error: (error as Error).message }, "repeating a call to the database"),
  });
}

async function withNewConnection<T>(call: (db: Database) => Promise<T>): Promise<T> {
  const client = await connect("job_keeper");
  try {
    return await call(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
