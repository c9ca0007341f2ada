/** A request of a schedule. */
export interface SentRequest {
  readonly requestId: string;
  readonly task: object;
  /** For updates: prices of its rows, unique to this request. */
  readonly prices: readonly number[];
}

const DAY = "2021-01-01";

/**
 * Generates the requests of a schedule: small reads and updates, some updates with a bad row.
 *
 * @param pick - Returns a number in [0, 1).
 */
export function generateRequests(pick: () => number): SentRequest[] {
  const count = 2 + Math.floor(pick() * 3);
  return Array.from({ length: count }, (_, index) => {
    const requestId = `job-${index}`;
    if (pick() < 0.4)
      return { requestId, task: { type: "read", sql: `select ${index} as n`, format: "json" }, prices: [] };
    const prices = Array.from({ length: 1 + Math.floor(pick() * 3) }, (_, row) => (index + 1) * 100 + row);
    const bad = pick() < 0.15;
    const items = prices.map((price) => ({ orig_code: "AAAAA", dest_code: "BBBBB", day: DAY, price }));
    const rows = bad ? [...items, { orig_code: "AAAAA", dest_code: "NOONE", day: DAY, price: 1 }] : items;
    return {
      requestId,
      task: { type: "update", target: "prices", mode: "append", source: { inline: rows } },
      prices,
    };
  });
}
