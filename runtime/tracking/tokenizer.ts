import type { Document } from "./store.ts";

/** A word is letters and digits; everything else separates words. */
const WORD = /[\p{L}\p{N}]+/gu;
/** Maximum characters of a word; longer ones are truncated, in documents and in searches. */
const MAX_WORD_LENGTH = 100;
/**
 * Maximum searchable characters of a document. A tsvector holds 1 MiB, and UTF-8 takes up to 4 bytes per character;
 * Postgres would refuse a document with more.
 */
const MAX_CHARACTERS = 100_000;

/** Returns the words of a text, in lower case. */
export const wordsIn = (text: string): string[] => (text.toLowerCase().match(WORD) ?? []).map(truncateWord);

/** Truncates a word; half of a surrogate pair at its end is dropped, since no store accepts it. */
function truncateWord(word: string): string {
  const start = word.slice(0, MAX_WORD_LENGTH);
  return start.isWellFormed() ? start : start.slice(0, -1);
}

/** Returns true if a search text can match no document: it is not blank, but has no letter or digit. */
export const matchesNoDocument = (text: string): boolean => text.trim() !== "" && wordsIn(text).length === 0;

/**
 * Returns the searchable words of a document: those of its id, tenant, status, task, labels (names and values) and error,
 * and for a rejected request those of its body.
 */
export function wordsOf({ requestId, tenant, status, labels, error, task, body }: Document): string[] {
  const words = new Set<string>();
  let remaining = MAX_CHARACTERS;
  const add = (value: unknown): void => {
    if (remaining <= 0) return;
    if (typeof value === "string" || typeof value === "number") {
      for (const word of wordsIn(String(value).slice(0, remaining))) words.add(word);
      remaining -= String(value).length;
    } else if (value !== null && typeof value === "object") for (const inner of Object.values(value)) add(inner);
  };
  for (const part of [requestId, tenant, status, labels, Object.keys(labels ?? {}), error, task, body]) add(part);
  return [...words];
}
