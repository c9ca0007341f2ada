import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Delay between the end of a process and its restart. */
const PAUSE_MS = 100;

/** A component as a process that is restarted whenever it ends, as its host in AWS would do. */
export class ManagedProcess {
  readonly name: string;
  #child: ChildProcess | undefined;
  #stopping = false;
  readonly #lifecycle: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();

  constructor(name: string, args: readonly string[], env: NodeJS.ProcessEnv, logFile: string) {
    this.name = name;
    this.#lifecycle = this.#keepRunning(args, env, logFile);
  }

  /** Resolves when the component's first process reports that it is ready. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends the process normally and does not restart it, because another process has replaced it. */
  async retire(): Promise<void> {
    this.#stopping = true;
    this.signal("SIGTERM");
    await this.#lifecycle;
  }

  /** Kills the process and does not restart it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.signal("SIGCONT");
    this.signal("SIGKILL");
    await this.#lifecycle;
  }

  async #keepRunning(args: readonly string[], env: NodeJS.ProcessEnv, logFile: string): Promise<void> {
    while (!this.#stopping) {
      const log = openSync(logFile, "a");
      this.#child = spawn(process.execPath, args, { env, stdio: ["ignore", log, log, "ipc"] });
      closeSync(log);
      this.#child.once("message", () => this.#ready.resolve());
      await once(this.#child, "exit");
      await delay(PAUSE_MS);
    }
  }
}
