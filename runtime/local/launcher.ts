import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { RunnerType } from "../contract/states.ts";
import { CapacityUnavailable, type Launcher, type LaunchOptions } from "../dispatcher/launcher.ts";
import { findByArguments, identify, isAlive, type ProcessIdentity, signal } from "./processes.ts";

/** Options of {@link localLauncher}. */
export interface LocalLauncherOptions {
  /** Node's arguments with the runner's program; `--run ID --runner TYPE` are appended. */
  program: string[];
  /** Directory of logs, one file per run. */
  logDirectory: string;
  /** Called when a run that this process started has ended. Corresponds to EventBridge's event of a run or instance. */
  onEnded(run: string, outcome: string): void;
}

/** Starts runs as processes; `drain` and `kill` end those that this process started. */
export interface LocalLauncher extends Launcher {
  /** Starts no more runs, lets each finish its job, and kills those still running after `milliseconds`. */
  drain(milliseconds: number): Promise<void>;
  /** Kills all runs. */
  kill(): Promise<void>;
}

/**
 * Launches runs as processes. A run's external id is `pid@start`, by which any process of this machine can check and
 * end it. If that id was not recorded (the dispatcher crashed after the launch), the process is found by the run's id
 * in its command line.
 */
export function localLauncher({ program, logDirectory, onEnded }: LocalLauncherOptions): LocalLauncher {
  const children = new Set<ChildProcess>();
  let isDraining = false;

  const endAll = async (signalName: NodeJS.Signals) => {
    await Promise.all(
      [...children].map(async (child) => {
        child.kill(signalName);
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }),
    );
  };
  return {
    async start(run: string, runner: RunnerType, { assertBeforeDeadline }: LaunchOptions = {}): Promise<string> {
      if (isDraining) throw new CapacityUnavailable("the platform is stopping");
      assertBeforeDeadline?.();
      const logLocation = join(logDirectory, `runner-${run}.log`);
      const log = openSync(logLocation, "a", 0o600);
      const child = spawn(process.execPath, [...program, "--run", run, "--runner", runner], {
        env: { ...process.env, LOG_LOCATION: logLocation },
        // The runner exits when this channel closes.
        stdio: ["ignore", log, log, "ipc"],
      });
      closeSync(log);
      try {
        await once(child, "spawn");
      } catch (error) {
        // EAGAIN, ENOMEM: like an account without capacity.
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
      // SIGKILL ends a paused process too; after its lease the job is given to another run.
      for (const target of targets) signal(target, "SIGKILL");
    },
    async drain(milliseconds) {
      isDraining = true;
      const timer = setTimeout(() => void endAll("SIGKILL"), milliseconds);
      await endAll("SIGTERM");
      clearTimeout(timer);
    },
    async kill() {
      isDraining = true;
      await endAll("SIGKILL");
    },
  };
}

function parseId(externalId: string): ProcessIdentity {
  const [pid, ...startedAt] = externalId.split("@");
  return { pid: Number(pid), startedAt: startedAt.join("@") };
}
