import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Maximum unexpected ends within the window before the platform fails. */
const MAX_FAILURES = 5;
const FAILURE_WINDOW_MS = 60_000;
const FIRST_PAUSE_MS = 250;
/** Time limit for a part to end after the forced stop. */
const FORCE_STOP_MS = 3_000;
const LOG_TAIL_LINES = 15;

/** Definition of a part of the platform that runs as its own process. */
export interface ChildOptions {
  /** Name in messages. */
  name: string;
  /** Node's arguments. */
  args: string[];
  env: NodeJS.ProcessEnv;
  /** File that its output is added to. */
  logFile: string;
  /** Milliseconds for it to end after the request; then it is stopped by force. */
  patience: number;
  /** Receives a line when it was restarted. */
  say(line: string): void;
}

/** A part that is kept running. SIGTERM asks it to end in good order, the message `hurry` over its channel to be quick. */
export interface Child {
  /** Resolves when its process says `ready` over its channel, for the first time. */
  ready: Promise<void>;
  /** Rejects when it has ended by itself too often; never resolves. */
  failed: Promise<never>;
  /** Asks it to end and waits for that. */
  stop(): Promise<void>;
  /** No patience any more, now or when it is asked to end. */
  forceStop(): void;
}

/** Starts a part, and starts it again when it ends by itself. */
export function startChild({ name, args, env, logFile, patience, say }: ChildOptions): Child {
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  // The awaiting code handles rejections; until then they must not crash the process.
  ready.promise.catch(() => {});
  failed.promise.catch(() => {});
  const failures: number[] = [];
  let stopping = false;
  let hurried = false;
  let current: ChildProcess | undefined;

  const live = async () => {
    while (!stopping) {
      const log = openSync(logFile, "a", 0o600);
      // In a session of its own: Ctrl-C in the terminal is for the platform, which decides who ends when.
      const child = spawn(process.execPath, args, { env, detached: true, stdio: ["ignore", log, log, "ipc"] });
      closeSync(log);
      current = child;
      child.on("message", (message) => {
        if (message === "ready") ready.resolve();
      });
      const [code, signal] = await once(child, "exit");
      if (stopping) return;
      failures.push(Date.now());
      const recent = failures.filter((moment) => moment > Date.now() - FAILURE_WINDOW_MS);
      if (recent.length >= MAX_FAILURES) {
        const error = new Error(
          `The ${name} ended ${recent.length} times within a minute. ${logFile} ends with:\n${tail(logFile)}`,
        );
        ready.reject(error);
        failed.reject(error);
        return;
      }
      say(`The ${name} ended by itself (${signal ?? `exit code ${code}`}); starting it again. Its log: ${logFile}`);
      await delay(FIRST_PAUSE_MS * 2 ** (recent.length - 1));
    }
  };
  const hasten = () => {
    if (current?.connected) current.send("hurry");
    setTimeout(() => current?.kill("SIGKILL"), FORCE_STOP_MS).unref();
  };
  const life = live();
  return {
    ready: ready.promise,
    failed: failed.promise,
    async stop() {
      stopping = true;
      current?.kill("SIGTERM");
      const force = setTimeout(() => current?.kill("SIGKILL"), patience);
      if (hurried) hasten();
      await life;
      clearTimeout(force);
    },
    forceStop() {
      hurried = true;
      if (stopping) hasten();
    },
  };
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
