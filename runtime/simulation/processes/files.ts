import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, type ProcessIdentity } from "../../local/processes.ts";
import type { CrashPoint } from "../../runner/crashPoints.ts";

/** Fault of a run when it reaches a step. */
export interface Fault {
  /** "none": a run without a fault. */
  readonly step: CrashPoint | "none";
  readonly action: "SIGKILL" | "SIGSTOP" | "crash Postgres";
}

/** Outcome of a launch by the dispatcher. The dispatcher sees a failure unless the outcome is `go`. */
export type LaunchOutcome = "refuse" | "fail before" | "fail after" | "go";

/** File in which a run records that more runs of its type exist than slots. */
export const OVERRUN_FILE = "overruns";

/**
 * Directories of the files through which a schedule communicates with the dispatcher and the runs. The files outlive
 * any process.
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
    for (const [index, item] of all.entries())
      writeFileSync(join(into, String(index).padStart(3, "0")), JSON.stringify(item));
  };
  write(planned, faults);
  write(launches, outcomes);
}

/** Takes the next fault or outcome; undefined if none is left. */
export function takeNext<T>(directory: string, kind: "planned" | "launches"): T | undefined {
  const { [kind]: from, taken } = faultDirectories(directory);
  for (const name of readdirSync(from).sort()) {
    const takenFile = join(taken, `${kind}.${name}.${process.pid}`);
    try {
      renameSync(join(from, name), takenFile);
    } catch {
      continue; // Another process was faster.
    }
    return JSON.parse(readFileSync(takenFile, "utf8"));
  }
  return undefined;
}

/** Returns the live processes of runs, and removes the files of ended ones. */
export function liveRuns(directory: string): ProcessIdentity[] {
  const { runs } = faultDirectories(directory);
  return readdirSync(runs).flatMap((name) => {
    const [, pid, startedAt = ""] = name.split(".");
    const identity = identify(Number(pid));
    if (identity?.startedAt === startedAt) return [identity];
    rmSync(join(runs, name), { force: true });
    return [];
  });
}
