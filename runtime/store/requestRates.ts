import type { Database } from "./jobs.ts";

/** How often AWS lets an account send a kind of request: a bucket that is full at first and refilled steadily. */
export interface RequestRate {
  readonly name: string;
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Books one request for this process; all dispatchers of the stack share the rate.
 * @param patience the longest wait that is worth booking. Milliseconds
 * @returns milliseconds after which the request may be sent; undefined, with nothing booked, if that is too long
 */
export async function takeRequest(
  db: Database,
  { name, burst, perSecond }: RequestRate,
  patience: number,
): Promise<number | undefined> {
  const sql = "select jobs.take_request($1, $2, $3, $4) as wait";
  const { rows } = await db.query(sql, [name, burst, perSecond, patience]);
  return rows[0].wait ?? undefined;
}
