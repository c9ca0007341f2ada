import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, type ProcessIdentity } from "../../local/processes.ts";
import type { CrashPoint } from "../../runner/crashPoints.ts";

/** Fault of a run at a certain step. */
export interface Fault {
  /** "none": a run without a fault. */
  readonly step: CrashPoint | "none";
  readonly action: "SIGKILL" | "SIGSTOP" | "crash Postgres";
}

/** Outcome of a launch by the dispatcher; for the dispatcher the launch fails unless it is `go`. */
export type LaunchOutcome = "refuse" | "fail before" | "fail after" | "go";

/** File in which runs record that more runs of their type exist than slots. */
export const OVERRUN_FILE = "overruns";

/**
 * Files through which the schedule and the runs, which it does not start itself, communicate: they outlive any process.
 */
export const faultDirectories = (directory: string) => ({
  planned: join(directory, "planned"),
  launches: join(directory, "launches"),
  taken: join(directory, "taken"),
  runs: join(directory, "runs"),
});

/**
 * Writes the faults of a schedule: the first run that starts takes the first fault, and the first launch the first
 * outcome.
 */
export function createFiles(
  directory: string,
  faults: readonly Fault[],
  outcomes: readonly LaunchOutcome[] = [],
): void {
  const { planned, launches, taken, runs } = faultDirectories(directory);
  for (const path of [planned, launches, taken]) rmSync(path, { recursive: true, force: true });
  for (const path of [planned, launches, taken, runs]) mkdirSync(path, { recursive: true });
  const write = (into: string, all: readonly unknown[]) => {
    for (const [index, run] of all.entries())
      writeFileSync(join(into, String(index).padStart(3, "0")), JSON.stringify(run));
  };
  write(planned, faults);
  write(launches, outcomes);
}

/** Takes the next fault or outcome; undefined if none is left. */
export function takeNext<T>(directory: string, of: "planned" | "launches"): T | undefined {
  const { [of]: from, taken } = faultDirectories(directory);
  for (const name of readdirSync(from).sort()) {
    const mine = join(taken, `${of}.${name}.${process.pid}`);
    try {
      renameSync(join(from, name), mine);
    } catch {
      continue; // Another process was faster.
    }
    return JSON.parse(readFileSync(mine, "utf8"));
  }
  return undefined;
}

/** Returns the running runs, started by any process. */
export function liveRuns(directory: string): ProcessIdentity[] {
  const { runs } = faultDirectories(directory);
  return readdirSync(runs).flatMap((name) => {
    const [, pid, startedAt = ""] = name.split(".");
    const found = identify(Number(pid));
    if (found?.startedAt === startedAt) return [found];
    rmSync(join(runs, name), { force: true });
    return [];
  });
}
