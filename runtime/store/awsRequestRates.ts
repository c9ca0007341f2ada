import type { Database } from "./jobs.ts";

/** Rate at which AWS accepts one kind of request: a token bucket, full at first and refilled steadily. */
export interface RequestRate {
  readonly name: string;
  /** Capacity of the bucket. */
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Books one request; all dispatchers of the stack share the rate.
 *
 * @returns 0 if the request may be sent now; otherwise nothing is booked, and the number is the milliseconds to wait
 */
export async function takeRequest(db: Database, { name, burst, perSecond }: RequestRate): Promise<number> {
  const { rows } = await db.query("select jobs.take_request($1, $2, $3) as wait", [name, burst, perSecond]);
  return rows[0].wait;
}

/** Records that AWS throttled a request: no dispatcher of the stack sends one of its kind for the given milliseconds. */
export async function requestThrottled(db: Database, rate: RequestRate, milliseconds: number): Promise<void> {
  const { name, burst, perSecond } = rate;
  await db.query("select jobs.request_throttled($1, $2, $3, $4)", [name, burst, perSecond, milliseconds]);
}
