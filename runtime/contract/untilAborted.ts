/**
 * Waits for work until it ends or a signal is aborted. After an abort the work continues, and its result or error is
 * ignored.
 * @returns the work's result
 * @throws the work's error, or the reason of the abort if that comes first
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
