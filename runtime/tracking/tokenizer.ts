import type { Document } from "./store.ts";

/** A word is letters and digits; everything else separates words. */
const WORD = /[\p{L}\p{N}]+/gu;
/** Longer words are cut, here and in what is searched for. Characters. */
const LONGEST = 100;
/**
 * Searchable characters of a document: a tsvector holds 1 MiB, and a longer document would be refused with its whole
 * batch. UTF-8 takes up to 4 bytes for a character.
 */
const MOST = 100_000;

/** The words of a text, in lower case. */
export const wordsIn = (text: string): string[] =>
  (text.toLowerCase().match(WORD) ?? []).map((word) => word.slice(0, LONGEST));

/** Returns true if a search text can match no document: it has characters, but no letter or digit. */
export const isUnfindable = (text: string): boolean => text.trim() !== "" && wordsIn(text).length === 0;

/** The words that a document is found by: of its id, tenant, status, task, labels and error, of a rejected request its body; names of labels too. */
export function wordsOf({ requestId, tenant, status, labels, error, task, body }: Document): string[] {
  const found = new Set<string>();
  let room = MOST;
  const add = (value: unknown): void => {
    if (room <= 0) return;
    if (typeof value === "string" || typeof value === "number") {
      for (const word of wordsIn(String(value).slice(0, room))) found.add(word);
      room -= String(value).length;
    } else if (value !== null && typeof value === "object") for (const inner of Object.values(value)) add(inner);
  };
  for (const part of [requestId, tenant, status, labels, Object.keys(labels ?? {}), error, task, body]) add(part);
  return [...found];
}
