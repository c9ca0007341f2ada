import { CommandError } from "./exits.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs work that needs cleanup. Ctrl-C, SIGTERM or the time limit `seconds` aborts the work's signal.
 * @throws CommandError with the text of `message` instead of the work's error after an abort
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  message: (why: "interrupted" | "waitTimedOut") => string,
  seconds?: number,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => controller.abort("interrupted");
  // Not `once`: Ctrl-C in a terminal arrives twice, from the terminal and from the launcher.
  for (const name of SIGNALS) process.on(name, interrupt);
  const timer = seconds === undefined ? undefined : setTimeout(() => controller.abort("waitTimedOut"), seconds * 1000);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    throw new CommandError(controller.signal.reason, message(controller.signal.reason));
  } finally {
    clearTimeout(timer);
    // After an interrupt, the launcher's copy of the signal may still arrive. Without a handler, that copy would end the
    // process before the exit code is set.
    if (controller.signal.reason !== "interrupted") for (const name of SIGNALS) process.off(name, interrupt);
  }
}
