import { CommandError } from "./exits.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs work that needs cleanup: Ctrl-C, SIGTERM, or the time limit `seconds`, aborts its signal.
 * @throws CommandError with the text of `message`, whatever the aborted work throws
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  message: (why: "interrupted" | "waitTimedOut") => string,
  seconds?: number,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = () => stop.abort("interrupted");
  // Not once: a terminal's Ctrl-C comes twice, from the terminal and through the launcher.
  for (const name of SIGNALS) process.on(name, interrupt);
  const timer = seconds === undefined ? undefined : setTimeout(() => stop.abort("waitTimedOut"), seconds * 1000);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError(stop.signal.reason, message(stop.signal.reason));
  } finally {
    clearTimeout(timer);
    // After an interrupt the copy of the signal from the launcher may still arrive: unhandled, it would end the process
    // before its exit code is set.
    if (stop.signal.reason !== "interrupted") for (const name of SIGNALS) process.off(name, interrupt);
  }
}
