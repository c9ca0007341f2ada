/**
 * Awaits a check with a time limit, so that a smoke run never hangs.
 * @throws Error if the check has no result within the limit
 */
export async function withTimeout<T>(seconds: number, check: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result after ${seconds} s`)), seconds * 1_000);
  });
  try {
    return await Promise.race([check(), timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
