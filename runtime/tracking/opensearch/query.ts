import type { Filter, Search } from "../store.ts";
import { matchesNoDocument, wordsIn } from "../tokenizer.ts";

/** First and last time that OpenSearch can read; an offset can move a valid time beyond them. */
const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** Converts an ISO time to the form that OpenSearch reads: without leap seconds and lower-case t and z. */
function instant(iso: string): string {
  const at = Date.parse(iso.toUpperCase().replace(/:60(\.\d+)?(?=[Z+-])/, ":59.999"));
  return new Date(Math.min(Math.max(at, EARLIEST), LATEST)).toISOString();
}

/** Converts a filter to OpenSearch's query language, without scoring, so that results can be cached. */
export function queryOf({ tenant, text, status, type, runner, labels, createdFrom, createdTo }: Filter): object {
  const filter: object[] = [];
  for (const [field, value] of Object.entries({ tenant, type, runner }))
    if (value !== undefined) filter.push({ term: { [field]: value } });
  filter.push(status === undefined ? { bool: { must_not: { term: { status: "REJECTED" } } } } : { terms: { status } });
  for (const [key, value] of Object.entries(labels ?? {})) filter.push({ term: { labels: `${key}=${value}` } });
  if (matchesNoDocument(text ?? "")) filter.push({ match_none: {} });
  for (const word of new Set(wordsIn(text ?? ""))) filter.push({ prefix: { words: word } });
  if (createdFrom !== undefined || createdTo !== undefined)
    filter.push({
      range: {
        createdAt: {
          ...(createdFrom === undefined ? {} : { gte: instant(createdFrom) }),
          ...(createdTo === undefined ? {} : { lt: instant(createdTo) }),
        },
      },
    });
  return { bool: { filter } };
}

/**
 * Sort value of a missing field: a job that has not ended sorts lowest. OpenSearch's own lowest number is not used, since
 * JSON parsers round it.
 */
const LOWEST: Partial<Record<string, number>> = { finishedAt: 0, totalMs: -1 };

/** Returns the sort of a page: a total order. Documents are stored in the order of the default sort. */
export function sortOf({ sort = "createdAt", order = "desc" }: Search): object[] {
  const missing = LOWEST[sort];
  return [
    { [sort]: missing === undefined ? { order } : { order, missing } },
    { tenant: { order } },
    { requestId: { order } },
  ];
}
