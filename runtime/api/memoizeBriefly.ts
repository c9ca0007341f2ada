/** Lifetime of a result, as a multiple of its duration. */
const TIMES = 4;

/**
 * Creates a cache for results that are the same for all callers. Concurrent callers share one computation. Its result
 * is kept for at least four times its duration, so that computing takes at most a fifth of the time.
 * @param minimumMs - Minimum lifetime in milliseconds.
 */
export function memoizeBriefly(minimumMs = 0): <T>(key: string, find: () => Promise<T>) => Promise<T> {
  const entries = new Map<string, { answer: Promise<unknown>; until: number }>();
  return <T>(key: string, find: () => Promise<T>) => {
    const now = performance.now();
    for (const [old, { until }] of entries) if (until <= now) entries.delete(old);
    const known = entries.get(key);
    if (known) return known.answer as Promise<T>;
    const entry = { answer: find(), until: Number.POSITIVE_INFINITY };
    entries.set(key, entry);
    entry.answer.then(
      () => {
        const took = performance.now() - now;
        entry.until = performance.now() + Math.max(TIMES * took, minimumMs);
      },
      // Failures are not cached.
      () => entries.delete(key),
    );
    return entry.answer;
  };
}
