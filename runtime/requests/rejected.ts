import { cutText } from "../contract/bounds.ts";
import type { ErrorBody } from "../contract/errors.ts";
import { redactText } from "../contract/redact.ts";
import type { Database } from "../store/jobs.ts";

/** A request that was rejected, as it is kept for people. */
export interface Rejected {
  /** The id of its answer, which tells different requests under one requestId apart. */
  id: string;
  tenant: string;
  requestId: string;
  source: "queue" | "http";
  error: ErrorBody;
  /** The parsed request. */
  body: unknown;
}

/** The kept beginning of a body. Characters. */
const BODY = 4_000;
const TEXT = 1_000;
const ENTRIES = 50;
const LEVELS = 8;

/** Keeps a rejected request; past the maximum per tenant and day it is only counted. The same one again is a copy. */
export async function storeRejected(db: Database, rejected: Rejected): Promise<void> {
  await db.query("select jobs.reject($1, $2, $3, $4, $5, $6)", [
    rejected.id,
    cutText(rejected.tenant, 64),
    cutText(rejected.requestId, 128),
    rejected.source,
    JSON.stringify(rejected.error),
    excerptOf(rejected.body),
  ]);
}

/** The beginning of a request as JSON text: long texts, long lists and deep levels are cut, and URLs have no secrets. */
export function excerptOf(value: unknown): string {
  const budget = { left: BODY };
  return cutText(JSON.stringify(excerpt(value, LEVELS, budget)) ?? "", BODY);
}

/** Text without credentials. Of long text the beginning, as if the user information of a URL ended behind it. */
const redacted = (text: string): string => redactText(text.length > TEXT ? `${text.slice(0, TEXT)}@` : text);

/** @param budget characters that may still be copied, so that the work has a maximum whatever the value's shape */
function excerpt(value: unknown, levels: number, budget: { left: number }): unknown {
  if (typeof value === "string") {
    const text = cutText(redacted(value), TEXT);
    budget.left -= text.length + 2;
    return text;
  }
  budget.left -= 4;
  if (value === null || typeof value !== "object") return value;
  if (levels === 0 || budget.left <= 0) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, ENTRIES).map((item) => excerpt(item, levels - 1, budget));
    return value.length > ENTRIES ? [...items, `… ${value.length - ENTRIES} more`] : items;
  }
  const copy: [string, unknown][] = [];
  for (const name in value) {
    if (copy.length === ENTRIES || budget.left <= 0) {
      copy.push(["…", "more fields"]);
      break;
    }
    const shown = cutText(redacted(name), 100);
    budget.left -= shown.length;
    copy.push([shown, excerpt((value as Record<string, unknown>)[name], levels - 1, budget)]);
  }
  return Object.fromEntries(copy);
}
