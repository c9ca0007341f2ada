import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Step } from "../../jobs/steps.ts";
import { identify, type ProcessIdentity } from "../../local/processes.ts";

/** What happens to a run when it passes a step. */
export interface Fault {
  /** "none": a run that is left alone. */
  readonly step: Step | "none";
  readonly action: "SIGKILL" | "SIGSTOP" | "crash Postgres";
}

/** Where runs write that there were too many of them. */
export const OVER = "over";

/** How the schedule and the runs, which it does not start, hear of each other: files, which outlive any process. */
export const faultDirectories = (directory: string) => ({
  planned: join(directory, "planned"),
  taken: join(directory, "taken"),
  runs: join(directory, "runs"),
});

/** Lays out the faults of a schedule: the first run that starts takes the first. */
export function layOut(directory: string, faults: readonly Fault[]): void {
  const { planned, taken, runs } = faultDirectories(directory);
  for (const one of [planned, taken]) rmSync(one, { recursive: true, force: true });
  for (const one of [planned, taken, runs]) mkdirSync(one, { recursive: true });
  for (const [index, fault] of faults.entries())
    writeFileSync(join(planned, String(index).padStart(3, "0")), JSON.stringify(fault));
}

/** The runs that live now, whoever started them. */
export function livingRuns(directory: string): ProcessIdentity[] {
  const { runs } = faultDirectories(directory);
  return readdirSync(runs).flatMap((name) => {
    const [, pid, startedAt = ""] = name.split(".");
    const found = identify(Number(pid));
    if (found?.startedAt === startedAt) return [found];
    rmSync(join(runs, name), { force: true });
    return [];
  });
}
