import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Number of unexpected exits within the window after which the platform fails. */
const MAX_FAILURES = 5;
const FAILURE_WINDOW_MS = 60_000;
const INITIAL_BACKOFF_MS = 250;
/** Time limit for a component to end after the message `forceStop`; then it is killed. */
const FORCE_STOP_MS = 3_000;
const LOG_TAIL_LINES = 15;

/** Definition of a component that runs as its own process. */
export interface ChildOptions {
  /** Name in messages. */
  name: string;
  /** Node's arguments. */
  args: string[];
  env: NodeJS.ProcessEnv;
  /** File to which its output is appended. */
  logFile: string;
  /** Time limit for it to end after SIGTERM; then it is killed. Milliseconds. */
  stopTimeoutMs: number;
  /** Called with a line of text when it has ended unexpectedly and is restarted. */
  print(line: string): void;
}

/**
 * A supervised component process. SIGTERM stops it gracefully; the message `forceStop` on its channel makes it stop at
 * once.
 */
export interface Child {
  /** Resolves when its process first sends `ready` over its channel. */
  ready: Promise<void>;
  /** Rejects when it has ended unexpectedly too often; never resolves. */
  failed: Promise<never>;
  /** Sends SIGTERM and waits for its exit; kills it after `stopTimeoutMs`. */
  stop(): Promise<void>;
  /** Makes `stop` send `forceStop` and soon kill the process, even if `stop` is already waiting for its exit. */
  forceStop(): void;
}

/** Starts a component process, and restarts it when it ends unexpectedly. */
export function startChild({ name, args, env, logFile, stopTimeoutMs, print }: ChildOptions): Child {
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  // The awaiting code handles rejections; until then they must not crash the process.
  ready.promise.catch(() => {});
  failed.promise.catch(() => {});
  const failures: number[] = [];
  let isStopping = false;
  let isForced = false;
  let current: ChildProcess | undefined;

  const supervise = async () => {
    while (!isStopping) {
      const log = openSync(logFile, "a", 0o600);
      // In its own session: Ctrl-C in the terminal reaches only the platform, which decides when each component ends.
      const child = spawn(process.execPath, args, { env, detached: true, stdio: ["ignore", log, log, "ipc"] });
      closeSync(log);
      current = child;
      child.on("message", (message) => {
        if (message === "ready") ready.resolve();
      });
      const outcome = await once(child, "exit").then(
        ([code, signal]) => signal ?? `exit code ${code}`,
        // The process could not be started, for example EAGAIN.
        (error: Error) => error.message,
      );
      if (isStopping) return;
      failures.push(Date.now());
      const recent = failures.filter((moment) => moment > Date.now() - FAILURE_WINDOW_MS);
      if (recent.length >= MAX_FAILURES) {
        const error = new Error(
          `The ${name} ended ${recent.length} times within a minute (most recently: ${outcome}). ${logFile} ends with:\n${tail(logFile)}`,
        );
        ready.reject(error);
        failed.reject(error);
        return;
      }
      print(`The ${name} ended unexpectedly (${outcome}); starting it again. Its log: ${logFile}`);
      await delay(INITIAL_BACKOFF_MS * 2 ** (recent.length - 1));
    }
  };
  const sendForceStop = () => {
    // The callback ignores the error of sending to a process that has just ended.
    if (current?.connected) current.send("forceStop", () => undefined);
    setTimeout(() => current?.kill("SIGKILL"), FORCE_STOP_MS).unref();
  };
  const run = supervise();
  return {
    ready: ready.promise,
    failed: failed.promise,
    async stop() {
      isStopping = true;
      current?.kill("SIGTERM");
      const force = setTimeout(() => current?.kill("SIGKILL"), stopTimeoutMs);
      if (isForced) sendForceStop();
      await run;
      clearTimeout(force);
    },
    forceStop() {
      isForced = true;
      if (isStopping) sendForceStop();
    },
  };
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
