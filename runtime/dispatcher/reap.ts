import { JobError } from "../contract/errors.ts";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { connect } from "../platform/postgres.ts";
import { endBackend } from "../store/backend.ts";
import { assignInstances } from "../store/launches.ts";
import {
  type LostJob,
  lostJobs,
  type OpenRun,
  OUT_OF_MEMORY,
  openRuns,
  runEnded,
  runStopping,
  settleLost,
} from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";
import {
  type InstanceLauncher,
  type Launcher,
  type ListedInstance,
  launchesInstances,
  type RunStatus,
} from "./launcher.ts";

/**
 * Frees the slots of ended runs, ends runs that are silent or have no slot, and requeues or ends lost jobs. A slot is
 * freed only when its run has ended, or is silent and cannot be found; a job is requeued only when its database
 * session has ended.
 */
export async function reap(context: DispatcherDeps): Promise<void> {
  for (const runner of RUNNERS) {
    const launcher = context.launchers[runner];
    if (launchesInstances(launcher)) await reapInstances(context, runner, launcher);
    else {
      await reapRuns(context, runner, launcher);
      await reapStrays(context, runner, launcher);
    }
  }
  await reapJobs(context);
}

/** Lists the runs of a type that have not ended. */
async function openRunsOf({ db, settings }: DispatcherDeps, runner: RunnerType): Promise<OpenRun[]> {
  return (await openRuns(db, 2 * settings.jobs.leaseSeconds)).filter((open) => open.runner === runner);
}

/**
 * Ends active runs without a slot, for example a run whose launch got no response and that AWS listed late. A slot is
 * taken before its run is launched, so a listed run without a slot is an orphan.
 */
async function reapStrays({ db, log }: DispatcherDeps, runner: RunnerType, launcher: Launcher): Promise<void> {
  const active = await launcher.listActive?.().catch((error) => {
    log.error({ runner, error: String(error) }, "active runs could not be listed");
  });
  if (!active || active.length === 0) return;
  const withSlot = new Set((await openRuns(db, 0)).map(({ run }) => run));
  for (const { run, externalId } of active) {
    if (withSlot.has(run)) continue;
    log.warn({ run, runner, externalId }, "ending an active run without a slot");
    await launcher.stop(run, externalId).catch((error) => {
      log.error({ run, runner, externalId, error: String(error) }, "the run could not be ended");
    });
  }
}

async function reapRuns(context: DispatcherDeps, runner: RunnerType, launcher: Launcher): Promise<void> {
  for (const open of await openRunsOf(context, runner)) {
    const { run, externalId } = open;
    try {
      const status = await launcher.status(run, externalId);
      if (await settleRun(context, open, status)) await launcher.stop(run, externalId);
    } catch (error) {
      // If AWS does not respond, slots stay taken, but jobs can still be requeued.
      context.log.error({ run, runner, externalId, error: String(error) }, "a run could not be inspected or ended");
    }
  }
}

/**
 * Does for instances what reapRuns and reapStrays do for other runs, with one list call. Keeps an instance that has an
 * open run, or whose launch has an unassigned run, which the instance may still receive.
 */
async function reapInstances(context: DispatcherDeps, runner: RunnerType, launcher: InstanceLauncher): Promise<void> {
  const { log } = context;
  try {
    // Listed before slots are read: since a slot is taken before its launch, a listed instance without a slot is a
    // stray.
    const listed = await launcher.list();
    const open = await assignListed(context, runner, listed);
    const byId = new Map(listed.map((instance) => [instance.instance, instance]));
    const ending: string[] = [];
    for (const run of open) {
      const instance = run.externalId === undefined ? undefined : byId.get(run.externalId);
      // An instance that is not listed may still be starting, so it counts as ended only once its run is silent.
      const status = instance === undefined ? "UNKNOWN" : instance.ended ? "ENDED" : "ALIVE";
      if ((await settleRun(context, run, status)) && run.externalId !== undefined) ending.push(run.externalId);
    }
    const assigned = new Set(open.map(({ externalId }) => externalId));
    const unclaimed = new Set(open.filter(({ externalId }) => externalId === undefined).map(({ launch }) => launch));
    const strays = listed.filter(
      ({ instance, launch, isTerminating }) => !isTerminating && !assigned.has(instance) && !unclaimed.has(launch),
    );
    for (const { instance, launch } of strays)
      log.warn({ runner, launch, instance }, "terminating an instance without a slot");
    await launcher.terminate([...ending, ...strays.map(({ instance }) => instance)]);
  } catch (error) {
    log.error({ runner, error: String(error) }, "instances could not be inspected");
  }
}

/**
 * Assigns instances to the runs of launches whose response was lost.
 * @returns All open runs.
 */
async function assignListed(
  context: DispatcherDeps,
  runner: RunnerType,
  listed: readonly ListedInstance[],
): Promise<OpenRun[]> {
  const open = await openRunsOf(context, runner);
  const withoutResponse = new Set(
    open.filter(({ externalId }) => externalId === undefined).map(({ launch }) => launch),
  );
  const byLaunch = Map.groupBy(listed, ({ launch }) => launch);
  let isAnyAssigned = false;
  for (const launch of withoutResponse) {
    const instances = byLaunch.get(launch ?? "")?.map(({ instance }) => instance);
    if (launch === undefined || instances === undefined) continue;
    await assignInstances(context.db, launch, instances);
    isAnyAssigned = true;
  }
  return isAnyAssigned ? await openRunsOf(context, runner) : open;
}

/**
 * Records the state of a run.
 * @returns True if it must be ended: it is silent, and not known to have ended.
 */
async function settleRun({ db, log }: DispatcherDeps, open: OpenRun, status: RunStatus): Promise<boolean> {
  const { run, runner, externalId, isSilent } = open;
  if (status === OUT_OF_MEMORY) {
    log.warn({ run, runner, externalId }, "the run ended: out of memory");
    await runEnded(db, run, OUT_OF_MEMORY);
  } else if (status === "ENDED" || (status === "UNKNOWN" && isSilent)) {
    log.info({ run, runner, externalId }, "run ended");
    await runEnded(db, run, isSilent ? "LOST" : "ENDED");
  } else if (isSilent) {
    log.warn({ run, runner, externalId }, "ending a silent run");
    await runStopping(db, run);
    return true;
  }
  return false;
}

async function reapJobs({ db, settings, log }: DispatcherDeps): Promise<void> {
  const lost = await lostJobs(db);
  if (lost.length === 0) return;
  const canceller = await connect("canceller");
  try {
    for (const job of lost) {
      try {
        if (job.backend) await endBackend(canceller, job.backend);
        const outcome = await settleLost(db, job, lossError(job, settings.jobs.maxTimeoutSeconds).body());
        log.warn({ job: job.id, attempt: job.attempt, reason: job.reason, settled: outcome }, "settled a lost job");
      } catch (error) {
        // A job that cannot be settled now must not delay the others; the next tick tries again.
        log.error({ job: job.id, error: String(error) }, "a lost job could not be settled");
      }
    }
  } finally {
    await canceller.end();
  }
}

const lossError = (job: LostJob, maximum: number) =>
  job.reason === "RunnerLost"
    ? job.isOutOfMemory
      ? new JobError("OutOfMemory", { reason: "the run was killed" })
      : new JobError("RunnerLost", { attempt: job.attempt })
    : new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum });
