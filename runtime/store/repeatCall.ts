import { setTimeout as pause } from "node:timers/promises";

/** Pauses before a call is repeated: the first pause is doubled each time, up to the last. Milliseconds. */
const PAUSE_MS = { first: 50, last: 1_000 };

/** Options of `repeatCall`. */
export interface RepeatOptions {
  /** Returns true if a repeat after the error is safe. */
  isSafe(error: unknown): boolean;
  /**
   * Maximum number of calls.
   * @default 3
   */
  calls?: number;
  /**
   * Seconds after which no further call is made.
   * @default 5, which is shorter than the timeouts of statements and connections
   */
  seconds?: number;
  /** Called before each repeat, with the error of the last call. */
  onRepeat?(error: unknown): void;
}

/** Repeats a call to the database after errors for which a repeat is safe. Throws the last call's error. */
export async function repeatCall<T>(
  call: () => Promise<T>,
  { isSafe, calls = 3, seconds = 5, onRepeat }: RepeatOptions,
): Promise<T> {
  const limit = performance.now() + seconds * 1000;
  let wait = PAUSE_MS.first;
  for (let count = 1; ; count++) {
    try {
      return await call();
    } catch (error) {
      if (count === calls || performance.now() + wait > limit || !isSafe(error)) throw error;
      onRepeat?.(error);
      await pause(wait);
      wait = Math.min(PAUSE_MS.last, wait * 2);
    }
  }
}
