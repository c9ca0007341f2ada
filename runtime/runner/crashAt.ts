import { type CrashPointEvent, crashPoints } from "./crashPoints.ts";

/**
 * Loaded into a runner by fault tests (`node --import`). Signals its own process once, at the crash point FAULT_STEP.
 * SIGKILL allows no further instruction; SIGSTOP pauses the process until SIGCONT.
 */
const { FAULT_STEP, FAULT_SIGNAL = "SIGKILL" } = process.env;
const listener = (message: unknown) => {
  if ((message as CrashPointEvent).point !== FAULT_STEP) return;
  crashPoints.unsubscribe(listener);
  process.kill(process.pid, FAULT_SIGNAL);
};
crashPoints.subscribe(listener);
