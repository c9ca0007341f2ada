import { endBackend } from "../jobs/backend.ts";
import { connect } from "../jobs/database.ts";
import { JobError } from "../jobs/errors.ts";
import { type LostJob, lostJobs, openRuns, runEnded, runStopping, settleLost } from "../jobs/runs.ts";
import type { Context } from "./context.ts";

/**
 * Settles what has died: frees the slots of runs that are known to have ended, ends those that are silent, and takes
 * jobs from runners that lost them. A slot is freed only when its run is known to be gone; a job is given on only when
 * its database session is.
 */
export async function reap(context: Context): Promise<void> {
  await reapRuns(context);
  await reapJobs(context);
}

async function reapRuns({ db, settings, launchers, log }: Context): Promise<void> {
  for (const { run, runner, externalId, silent } of await openRuns(db, 2 * settings.jobs.leaseSeconds)) {
    const launcher = launchers[runner];
    const status = await launcher.status(run, externalId);
    if (status === "ENDED" || (status === "UNKNOWN" && silent)) {
      log.info({ run, runner, externalId }, "run ended");
      await runEnded(db, run, silent ? "LOST" : "ENDED");
    } else if (silent) {
      log.warn({ run, runner, externalId }, "run is silent: ending it");
      await runStopping(db, run);
      await launcher.stop(run, externalId);
    }
  }
}

async function reapJobs({ db, settings, log }: Context): Promise<void> {
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
    ? new JobError("RunnerLost", { attempt: job.attempt })
    : new JobError("TimedOut", { timeoutSeconds: job.timeoutSeconds, maximum });
