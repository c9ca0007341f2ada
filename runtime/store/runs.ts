import type { ErrorBody } from "../contract/errors.ts";
import type { RunnerType } from "../contract/states.ts";
import type { Backend, Database } from "./jobs.ts";

/** Runs in the job store: which to start, which have ended, and which jobs were lost. */

/** Parameters of {@link planRuns}. */
export interface RunPlan {
  runner: RunnerType;
  /** Maximum concurrent runs of this type. */
  slots: number;
  /** Code version of the runs. */
  version: string;
  /** Time limit for a run to start. */
  startSeconds: number;
  /** Time without a claim or a heartbeat after which a run does not count as free. */
  silentSeconds: number;
  /** Maximum running jobs per tenant; applies to later claims once a job is ready to run. @default no maximum */
  tenantSlots?: number | undefined;
}

/** Takes slots for the runs that must start now; returns the runs' ids. Concurrent dispatchers never exceed `slots`. */
export async function planRuns(db: Database, plan: RunPlan): Promise<string[]> {
  const { runner, slots, version, startSeconds, silentSeconds, tenantSlots } = plan;
  const { rows } = await db.query("select run from jobs.plan_runs($1, $2, $3, $4, $5, $6) run", [
    runner,
    slots,
    version,
    startSeconds,
    silentSeconds,
    tenantSlots ?? null,
  ]);
  return rows.map((row) => row.run);
}

/**
 * Plans the runs of several runner types in one call, like `planRuns` for one.
 *
 * @param mayOverflow - True if waiting reads are first handed to EC2 while Glue has no capacity (`overflow`).
 * @returns the ids of the runs to start, by runner type
 */
export async function planAllRuns(
  db: Database,
  plans: readonly RunPlan[],
  mayOverflow: boolean,
): Promise<ReadonlyMap<RunnerType, string[]>> {
  const { rows } = await db.query("select runner, run from jobs.plan_all_runs($1, $2)", [
    JSON.stringify(plans),
    mayOverflow,
  ]);
  return new Map(
    plans.map(({ runner }) => [runner, rows.filter((row) => row.runner === runner).map((row) => row.run)]),
  );
}

/**
 * Takes a slot for a larger run if a job that ran out of memory waits for one; returns the run's id. There is at most
 * one larger run per runner type at a time.
 *
 * @param isAvailable - True if the stack has larger runs of this type; otherwise such jobs use normal runs.
 */
export async function planLarger(
  db: Database,
  { runner, slots, version, startSeconds }: Omit<RunPlan, "silentSeconds" | "tenantSlots">,
  isAvailable: boolean,
): Promise<string | undefined> {
  const { rows } = await db.query("select run from jobs.plan_larger($1, $2, $3, $4, $5) run", [
    runner,
    slots,
    version,
    startSeconds,
    isAvailable,
  ]);
  return rows[0]?.run;
}

/** Closes all runner types, so that no run is started even if jobs wait, or reopens them. */
export async function closeRunners(db: Database, isClosed: boolean): Promise<void> {
  await db.query("select jobs.close_runners($1)", [isClosed]);
}

/**
 * Hands waiting reads to EC2 while Glue has no capacity and EC2 has capacity.
 *
 * @param tenantSlots - Maximum running jobs per tenant, by runner type. @default no maximum
 * @returns the number of jobs
 */
export async function overflow(
  db: Database,
  slots: Record<RunnerType, number>,
  tenantSlots: Partial<Record<RunnerType, number>> = {},
): Promise<number> {
  const { rows } = await db.query("select jobs.overflow($1, $2, $3, $4) as moved", [
    slots.glue,
    slots.ec2,
    tenantSlots.glue ?? null,
    tenantSlots.ec2 ?? null,
  ]);
  return rows[0].moved;
}

/**
 * Deletes old jobs whose response was sent or is not requested on the queue, and old rejected requests, sent responses,
 * runs, launches, sessions and links: at most `limit` of each. Ages are computed with the database's clock.
 *
 * @param days - Minimum age.
 *
 * @returns the number of deleted jobs and rejected requests
 */
export async function expireJobs(db: Database, days: number, limit: number): Promise<number> {
  const { rows } = await db.query("select jobs.expire(jobs.clock() - make_interval(days => $1), $2) as expired", [
    days,
    limit,
  ]);
  return Number(rows[0].expired);
}

/** Deletes at most `limit` entries of the audit trail that are older than the given days; returns their number. */
export async function expireAudit(db: Database, days: number, limit: number): Promise<number> {
  const { rows } = await db.query("select jobs.expire_audit(jobs.clock() - make_interval(days => $1), $2) as expired", [
    days,
    limit,
  ]);
  return Number(rows[0].expired);
}

/**
 * Records the external id of a run.
 * @returns false if the run has already ended, for example because it was launched so late that it lost its slot
 */
export async function runLaunched(db: Database, run: string, externalId: string): Promise<boolean> {
  const { rows } = await db.query(
    "select jobs.run_launched($1, $2), (select state from jobs.runs where id = $1) as state",
    [run, externalId],
  );
  return rows[0].state !== "ENDED";
}

/**
 * Records that AWS refused this run, or that it was too late to launch it: frees its slot and pauses the runner type.
 *
 * @returns the end of the pause, in Postgres's format; undefined if the run has already started or ended
 */
export async function runRefused(db: Database, run: string, reason: string): Promise<string | undefined> {
  return (await db.query("select jobs.run_refused($1, $2)::text as until", [run, reason])).rows[0]?.until ?? undefined;
}

/** Outcome of a run that was ended because it ran out of memory. */
export const OUT_OF_MEMORY = "OUT_OF_MEMORY";

/** Records that a run has ended: frees its slot, and its job counts as lost. */
export async function runEnded(db: Database, run: string, outcome: string): Promise<void> {
  await db.query("select jobs.run_ended($1, $2)", [run, outcome]);
}

/** Records that the launcher was asked to end a run. */
export async function runStopping(db: Database, run: string): Promise<void> {
  await db.query("select jobs.run_stopping($1)", [run]);
}

/** A run that has not ended according to the job store. */
export interface OpenRun {
  run: string;
  runner: RunnerType;
  externalId: string | undefined;
  state: "STARTING" | "RUNNING" | "RETIRING";
  /** True if it did not start in time, or sends neither claims nor heartbeats. */
  isSilent: boolean;
  /** Launch of the run. */
  launch: string | undefined;
}

/** Lists the runs that have not ended. */
export async function openRuns(db: Database, silentSeconds: number): Promise<OpenRun[]> {
  const { rows } = await db.query("select * from jobs.open_runs($1)", [silentSeconds]);
  return rows.map((row) => ({
    run: row.run,
    runner: row.runner,
    externalId: row.external_id ?? undefined,
    state: row.state,
    isSilent: row.silent,
    launch: row.launch ?? undefined,
  }));
}

/** A job in progress whose lease has expired, or whose deadline passed more than one lease ago. */
export interface LostJob {
  id: number;
  attempt: number;
  timeoutSeconds: number;
  backend: Backend | undefined;
  reason: "RunnerLost" | "TimedOut";
  /** True if its run was ended because it ran out of memory. */
  isOutOfMemory: boolean;
}

/** Lists the lost jobs. */
export async function lostJobs(db: Database): Promise<LostJob[]> {
  const { rows } = await db.query(
    "select job_id, attempt, timeout_seconds, backend_pid, backend_start::text, reason, run_outcome from jobs.lost_jobs()",
  );
  return rows.map((row) => ({
    id: Number(row.job_id),
    attempt: row.attempt,
    timeoutSeconds: row.timeout_seconds,
    backend: row.backend_pid === null ? undefined : { pid: row.backend_pid, start: row.backend_start },
    reason: row.reason,
    isOutOfMemory: row.run_outcome === OUT_OF_MEMORY,
  }));
}

/** Requeues or ends a lost job; its session must have ended. */
export async function settleLost(db: Database, job: LostJob, error: ErrorBody): Promise<string> {
  return (
    await db.query("select jobs.settle_lost($1, $2, $3, $4) as outcome", [
      job.id,
      job.attempt,
      job.reason,
      JSON.stringify(error),
    ])
  ).rows[0].outcome;
}
