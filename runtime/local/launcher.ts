import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { RunnerType } from "../contract/states.ts";
import { CapacityUnavailable, type Launcher, type LaunchOptions } from "../dispatcher/launcher.ts";
import { findByArguments, identify, isAlive, type ProcessIdentity, signal } from "./processes.ts";

/** Launcher of runs as processes of this machine. */
export interface LocalLauncherOptions {
  /** Node's arguments up to the runner's program: it gets `--run ID --runner KIND` behind them. */
  program: string[];
  /** Directory of the runs' logs, one file a run. */
  logDirectory: string;
  /** Called when a run of this process has ended, like EventBridge's event of a Glue run or an instance. */
  onEnded(run: string, outcome: string): void;
}

/** Starts runs as processes; `drain` and `kill` end those that this process started. */
export interface LocalLauncher extends Launcher {
  /** Starts no more; lets each run finish the job in hand; ends by force what still runs after `milliseconds`. */
  drain(milliseconds: number): Promise<void>;
  /** Ends all by force. */
  kill(): Promise<void>;
}

/**
 * A run's external id is its process, `pid@start`. With it any process of this machine can check whether the run lives
 * and end it; if it is not recorded (the dispatcher died between launch and record) the run's own id in the command
 * line finds the process.
 */
export function localLauncher({ program, logDirectory, onEnded }: LocalLauncherOptions): LocalLauncher {
  const children = new Set<ChildProcess>();
  let draining = false;

  const end = async (name: NodeJS.Signals) => {
    await Promise.all(
      [...children].map(async (child) => {
        child.kill(name);
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }),
    );
  };
  return {
    async start(run: string, runner: RunnerType, { assertBeforeDeadline }: LaunchOptions = {}): Promise<string> {
      if (draining) throw new CapacityUnavailable("the platform is stopping");
      assertBeforeDeadline?.();
      const logLocation = join(logDirectory, `runner-${run}.log`);
      const log = openSync(logLocation, "a", 0o600);
      const child = spawn(process.execPath, [...program, "--run", run, "--runner", runner], {
        env: { ...process.env, LOG_LOCATION: logLocation },
        // The channel tells the runner when the platform is gone.
        stdio: ["ignore", log, log, "ipc"],
      });
      closeSync(log);
      try {
        await once(child, "spawn");
      } catch (error) {
        // EAGAIN, ENOMEM: the machine is full, as an account may be.
        throw new CapacityUnavailable(
          `the process could not be started: ${error instanceof Error ? error.message : error}`,
        );
      }
      children.add(child);
      child.once("exit", (code, signalName) => {
        children.delete(child);
        onEnded(run, signalName ?? (code === 0 ? "ENDED" : `EXIT ${code}`));
      });
      const { pid, startedAt } = identify(child.pid ?? 0) ?? { pid: child.pid, startedAt: "ended" };
      return `${pid}@${startedAt}`;
    },
    async status(run, externalId) {
      if (externalId !== undefined) return isAlive(parseId(externalId)) ? "ALIVE" : "ENDED";
      return findByArguments("--run", run).length > 0 ? "ALIVE" : "UNKNOWN";
    },
    async stop(run, externalId) {
      const targets = externalId === undefined ? findByArguments("--run", run) : [parseId(externalId)];
      // SIGKILL ends a paused process too; the job's own protocol covers whatever it was doing.
      for (const target of targets) signal(target, "SIGKILL");
    },
    async drain(milliseconds) {
      draining = true;
      const timer = setTimeout(() => void end("SIGKILL"), milliseconds);
      await end("SIGTERM");
      clearTimeout(timer);
    },
    async kill() {
      draining = true;
      await end("SIGKILL");
    },
  };
}

function parseId(externalId: string): ProcessIdentity {
  const [pid, ...startedAt] = externalId.split("@");
  return { pid: Number(pid), startedAt: startedAt.join("@") };
}
