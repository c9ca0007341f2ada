/** Lifetime of a result, as a multiple of the duration of its computation. */
const LIFETIME_FACTOR = 4;

/**
 * Creates a cache for results that are the same for all callers. Concurrent callers share one computation. A result is
 * cached for at least four times the duration of its computation, so that computing takes at most a fifth of the time.
 * @param minimumMs - Minimum lifetime in milliseconds.
 */
export function memoizeBriefly(minimumMs = 0): <T>(key: string, compute: () => Promise<T>) => Promise<T> {
  const entries = new Map<string, { result: Promise<unknown>; expiresAt: number }>();
  return <T>(key: string, compute: () => Promise<T>) => {
    const now = performance.now();
    for (const [old, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(old);
    const cached = entries.get(key);
    if (cached) return cached.result as Promise<T>;
    const entry = { result: compute(), expiresAt: Number.POSITIVE_INFINITY };
    entries.set(key, entry);
    entry.result.then(
      () => {
        const durationMs = performance.now() - now;
        entry.expiresAt = performance.now() + Math.max(LIFETIME_FACTOR * durationMs, minimumMs);
      },
      // Failures are not cached.
      () => entries.delete(key),
    );
    return entry.result;
  };
}
