/** Age filters of the list of jobs, with their labels. */
export const SINCE = /** @type {const} */ ({
  "15m": "Last 15 minutes",
  "1h": "Last hour",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
});
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Returns the earliest creation time for an age. An unknown age does not filter.
 * @type {(filter: { since: string, from: string }, now?: number) => { from?: string }}
 */
export function createdFrom({ since, from }, now = Date.now()) {
  const [, number, unit] = /^(\d{1,3})([mhd])$/.exec(since) ?? [];
  if (from !== "" || number === undefined) return {};
  const age = Number(number) * UNITS[/** @type {keyof typeof UNITS} */ (unit)];
  return { from: new Date(now - age).toISOString() };
}
