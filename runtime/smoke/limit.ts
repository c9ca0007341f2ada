/** What an attempt comes to, or an error once it has taken so long: nothing in a smoke run waits for ever. */
export async function within<T>(seconds: number, attempt: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not known after ${seconds} s: nothing came of it`)), seconds * 1_000);
  });
  try {
    return await Promise.race([attempt(), late]);
  } finally {
    clearTimeout(timer);
  }
}
