/** A request of a schedule. */
export interface SentRequest {
  readonly requestId: string;
  readonly task: object;
  /** For updates: prices of its rows, unique across all schedules of a simulation. */
  readonly prices: readonly number[];
  /** For reads: number of result rows. */
  readonly rows: number;
  /** Object that must exist in the uploads bucket. */
  readonly upload?: { readonly key: string; readonly body: string };
}

/** SQL of the task of a second request with the same id. */
export const OTHER_TASK_SQL = "select 'other' as other";

const LANE = { orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01" };
/** Number of seeds with distinct prices: a price is a 32-bit integer. */
const SEEDS = 1_000_000;
const ROWS = 200;

/**
 * Generates the requests of a schedule: small and slow reads, large results, updates inline and from S3, some with a
 * bad row.
 */
export function generateRequests(seed: number, pick: () => number): SentRequest[] {
  return Array.from({ length: 4 + Math.floor(pick() * 4) }, (_, index) => {
    const requestId = `simulation-${seed}-${index}`;
    const kind = pick();
    if (kind < 0.45) {
      const rows = pick() < 0.3 ? 5_000 : 3;
      const pause = pick() < 0.3 ? `, (select count(*) from (select generate_series(1, 8000000)) busy) pause` : "";
      const task = { type: "read", sql: `select n from generate_series(1, ${rows}) n${pause}`, format: "ndjson" };
      return { requestId, task, prices: [], rows };
    }
    const first = ((seed % SEEDS) * 10 + index) * ROWS + 1;
    const prices = Array.from({ length: 1 + Math.floor(pick() * ROWS) }, (_, row) => first + row);
    const items = prices.map((price) => ({ ...LANE, price }));
    const bad = pick() < 0.15 ? [{ ...LANE, dest_code: "NOONE", price: 1 }] : [];
    const rows = [...items, ...bad];
    const update = { type: "update", target: "prices", mode: "append" };
    if (kind < 0.8) return { requestId, task: { ...update, source: { inline: rows } }, prices, rows: 0 };
    const lines = rows.map(({ orig_code, dest_code, day, price }) => `${orig_code},${dest_code},${day},${price}`);
    const key = `${requestId}.csv`;
    return {
      requestId,
      task: { ...update, source: { s3: `s3://rates-uploads/${key}` }, format: "csv" },
      prices,
      rows: 0,
      upload: { key, body: `orig_code,dest_code,day,price\n${lines.join("\n")}\n` },
    };
  });
}
