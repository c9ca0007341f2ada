import { cutText } from "../contract/bounds.ts";
import type { ErrorBody } from "../contract/errors.ts";
import { redactText } from "../contract/redact.ts";
import type { Database } from "../store/jobs.ts";

/** Channel of a request. */
export type RequestChannel = "queue" | "http";

/** A rejected request, stored for operators. */
export interface RejectedRequest {
  /** Id of its response, which distinguishes different requests with the same requestId. */
  id: string;
  tenant: string;
  requestId: string;
  channel: RequestChannel;
  error: ErrorBody;
  /** The parsed request, or the text of a request that was not parsed. */
  body: unknown;
}

/** Maximums of a stored body: characters, characters of a text in it, entries of a list or object, and nesting. */
const MAX_BODY = 4_000;
const MAX_TEXT = 1_000;
const MAX_ENTRIES = 50;
const MAX_LEVELS = 8;

/** Stores a rejected request. Above the maximum per tenant and day it is only counted; a repeat counts as a copy. */
export async function storeRejected(db: Database, rejected: RejectedRequest): Promise<void> {
  await db.query("select jobs.reject($1, $2, $3, $4, $5, $6)", [
    rejected.id,
    cutText(rejected.tenant, 64),
    cutText(rejected.requestId, 128),
    rejected.channel,
    JSON.stringify(rejected.error),
    excerptOf(rejected.body),
  ]);
}

/**
 * Returns the beginning of a request as JSON: long texts, long lists and deep levels are cut, and URLs have no secrets.
 */
export function excerptOf(value: unknown): string {
  const budget = { remaining: MAX_BODY };
  return cutText(JSON.stringify(excerpt(value, MAX_LEVELS, budget)) ?? "", MAX_BODY);
}

/** Removes credentials. Long text is cut; what may be a URL's user information at the cut is removed too. */
const redactLongText = (text: string): string =>
  redactText(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}@` : text);

/** Copies the beginning of a value. @param budget remaining characters to copy, which bound the work for any value */
function excerpt(value: unknown, levels: number, budget: { remaining: number }): unknown {
  if (typeof value === "string") {
    const text = cutText(redactLongText(value), MAX_TEXT);
    budget.remaining -= text.length + 2;
    return text;
  }
  budget.remaining -= 4;
  if (value === null || typeof value !== "object") return value;
  if (levels === 0 || budget.remaining <= 0) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ENTRIES).map((item) => excerpt(item, levels - 1, budget));
    return value.length > MAX_ENTRIES ? [...items, `… ${value.length - MAX_ENTRIES} more`] : items;
  }
  const copy: [string, unknown][] = [];
  for (const name in value) {
    if (copy.length === MAX_ENTRIES || budget.remaining <= 0) {
      copy.push(["…", "more fields"]);
      break;
    }
    const key = cutText(redactLongText(name), 100);
    budget.remaining -= key.length;
    copy.push([key, excerpt((value as Record<string, unknown>)[name], levels - 1, budget)]);
  }
  return Object.fromEntries(copy);
}
