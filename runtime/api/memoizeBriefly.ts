/** How many times as long as it took to find out an answer is kept. */
const TIMES = 4;

/**
 * Answers that are the same for everybody who asks at about the same time: those who ask while one is being made wait for
 * it, and it is kept for a few times as long as that took. However many look, finding out takes a fifth of the time at
 * most. `leastMs` keeps it longer than that.
 */
export function memoizeBriefly(leastMs = 0): <T>(key: string, find: () => Promise<T>) => Promise<T> {
  const answers = new Map<string, { answer: Promise<unknown>; until: number }>();
  return <T>(key: string, find: () => Promise<T>) => {
    const now = performance.now();
    for (const [old, { until }] of answers) if (until <= now) answers.delete(old);
    const known = answers.get(key);
    if (known) return known.answer as Promise<T>;
    const entry = { answer: find(), until: Number.POSITIVE_INFINITY };
    answers.set(key, entry);
    entry.answer.then(
      () => {
        const took = performance.now() - now;
        entry.until = performance.now() + Math.max(TIMES * took, leastMs);
      },
      // A failure is nobody's answer but theirs who waited for it.
      () => answers.delete(key),
    );
    return entry.answer;
  };
}
