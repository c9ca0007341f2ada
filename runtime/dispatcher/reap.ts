import { JobError } from "../contract/errors.ts";
import { RUNNERS } from "../contract/states.ts";
import { connect } from "../platform/postgres.ts";
import { endBackend } from "../store/backend.ts";
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

/**
 * Settles what has died: frees the slots of runs that are known to have ended, ends those that are silent or hold no
 * slot, and takes jobs from runners that lost them. A slot is freed only when its run is known to be gone; a job is given on only when
 * its database session is.
 */
export async function reap(context: DispatcherDeps): Promise<void> {
  await reapRuns(context);
  await reapStrays(context);
  await reapJobs(context);
}

/**
 * Ends runs that live though their slot was given up: one whose launch nobody could tell of and which AWS showed too late,
 * and which does not end by itself. A slot is held before its run is launched, so what was listed first and holds none
 * is nobody's.
 */
async function reapStrays({ db, launchers, log }: DispatcherDeps): Promise<void> {
  for (const runner of RUNNERS) {
    const launcher = launchers[runner];
    const living = await launcher.listActive?.().catch((error) => {
      log.error({ runner, error: String(error) }, "the runs that live could not be listed");
    });
    if (!living || living.length === 0) continue;
    const held = new Set((await openRuns(db, 0)).map(({ run }) => run));
    for (const { run, externalId } of living) {
      if (held.has(run)) continue;
      log.warn({ run, runner, externalId }, "a run lives that holds no slot: ending it");
      await launcher.stop(run, externalId).catch((error) => {
        log.error({ run, runner, externalId, error: String(error) }, "it could not be ended");
      });
    }
  }
}

async function reapRuns(context: DispatcherDeps): Promise<void> {
  const { db, settings, log } = context;
  for (const open of await openRuns(db, 2 * settings.jobs.leaseSeconds)) {
    try {
      await reapRun(context, open);
    } catch (error) {
      // An account that does not answer keeps slots taken, and no job from being given on.
      const { run, runner, externalId } = open;
      log.error({ run, runner, externalId, error: String(error) }, "a run could not be looked at");
    }
  }
}

async function reapRun({ db, launchers, log }: DispatcherDeps, open: OpenRun): Promise<void> {
  const { run, runner, externalId, silent } = open;
  const launcher = launchers[runner];
  const status = await launcher.status(run, externalId);
  if (status === OUT_OF_MEMORY) {
    log.warn({ run, runner, externalId }, "run ended: it used up its memory");
    await runEnded(db, run, OUT_OF_MEMORY);
  } else if (status === "ENDED" || (status === "UNKNOWN" && silent)) {
    log.info({ run, runner, externalId }, "run ended");
    await runEnded(db, run, silent ? "LOST" : "ENDED");
  } else if (silent) {
    log.warn({ run, runner, externalId }, "run is silent: ending it");
    await runStopping(db, run);
    await launcher.stop(run, externalId);
  }
}

async function reapJobs({ db, settings, log }: DispatcherDeps): Promise<void> {
  const lost = await lostJobs(db);
  if (lost.length === 0) return;
  const canceller = await connect("canceller");
  try {
    for (const job of lost) {
      try {
        if (job.backend) await endBackend(canceller, job.backend);
        const word = await settleLost(db, job, reason(job, settings.jobs.maxTimeoutSeconds).body());
        log.warn({ job: job.id, attempt: job.attempt, reason: job.reason, settled: word }, "lost job settled");
      } catch (error) {
        // One that cannot be settled now must not keep the others waiting; the next tick tries again.
        log.error({ job: job.id, error: String(error) }, "a lost job could not be settled");
      }
    }
  } finally {
    await canceller.end();
  }
}

const reason = (job: LostJob, maximum: number) =>
  job.reason === "RunnerLost"
    ? job.outOfMemory
      ? new JobError("OutOfMemory", { reason: "the run was killed for it" })
      : new JobError("RunnerLost", { attempt: job.attempt })
    : new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum });
