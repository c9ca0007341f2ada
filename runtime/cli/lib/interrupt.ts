import { CommandError } from "./exits.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs work that must leave in order: its signal is aborted by Ctrl-C, or after `seconds`. What it was doing is then
 * answered with `said(why)`, whatever the work itself threw.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  said: (why: "interrupted" | "gaveUp") => string,
  seconds?: number,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = () => stop.abort("interrupted");
  // Not once: a terminal's Ctrl-C comes twice, from the terminal and through the launcher.
  for (const name of SIGNALS) process.on(name, interrupt);
  const timer = seconds === undefined ? undefined : setTimeout(() => stop.abort("gaveUp"), seconds * 1000);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError(stop.signal.reason, said(stop.signal.reason));
  } finally {
    clearTimeout(timer);
    // After an interrupt the copy of the signal from the launcher may still arrive: unhandled, it would end the process
    // before its exit code is set.
    if (stop.signal.reason !== "interrupted") for (const name of SIGNALS) process.off(name, interrupt);
  }
}
