import type { Client } from "./apiClient.ts";
import { confirm } from "./confirm.ts";
import { type Explanation, fetchExplanation } from "./explain.ts";

/** Returns the previous day. */
const dayBefore = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);

/**
 * Asks for confirmation of a request that deletes prices, and shows their estimated number.
 * @throws CommandError for any answer except yes, or without --yes if there is no terminal
 */
export async function confirmPurge(client: Client, request: object, yes: boolean | undefined): Promise<void> {
  const { task } = request as { task?: { statement?: unknown; params?: { before?: unknown } } };
  if (task?.statement !== "purge_prices" || yes) return;
  const before = task.params?.before;
  // An invalid day is left to the platform, which lists all problems of the request.
  if (typeof before !== "string" || Number.isNaN(Date.parse(`${before}T00:00:00Z`))) return;
  const read = { task: { type: "read", query: "price_export", params: { date_to: dayBefore(before) } } };
  const estimate: Partial<Explanation> = await fetchExplanation(client, read).catch(() => ({}));
  const rows = estimate.estimatedRows === undefined ? "all" : `about ${estimate.estimatedRows.toLocaleString("en")}`;
  await confirm(`This deletes ${rows} prices of the days before ${before}`, yes);
}
