import type { Database } from "./jobs.ts";

/** Rates at which AWS accepts an account's requests of a kind: a bucket that is full at first and refilled steadily. */
export interface RequestRate {
  readonly name: string;
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Books one request for this process; all dispatchers of the stack share the rate.
 * @returns 0 where it may be sent now; else nothing is booked, and it is the milliseconds after which to ask again
 */
export async function takeRequest(db: Database, { name, burst, perSecond }: RequestRate): Promise<number> {
  const { rows } = await db.query("select jobs.take_request($1, $2, $3) as wait", [name, burst, perSecond]);
  return rows[0].wait;
}

/** Records that AWS throttled a request: no dispatcher of the stack sends another one for so many milliseconds. */
export async function requestThrottled(db: Database, rate: RequestRate, milliseconds: number): Promise<void> {
  const { name, burst, perSecond } = rate;
  await db.query("select jobs.request_throttled($1, $2, $3, $4)", [name, burst, perSecond, milliseconds]);
}
