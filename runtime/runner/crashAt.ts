import { type CrashPointEvent, crashPoints } from "./crashPoints.ts";

/**
 * Loaded into a runner by fault tests (`node --import`): signals its own process as it passes the step that FAULT_STEP
 * names, once. SIGKILL leaves no instruction after it; SIGSTOP pauses until somebody sends SIGCONT.
 */
const { FAULT_STEP, FAULT_SIGNAL = "SIGKILL" } = process.env;
const listener = (message: unknown) => {
  if ((message as CrashPointEvent).point !== FAULT_STEP) return;
  crashPoints.unsubscribe(listener);
  process.kill(process.pid, FAULT_SIGNAL);
};
crashPoints.subscribe(listener);
