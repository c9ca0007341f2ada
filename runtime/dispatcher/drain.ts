import { closeRunners, openRuns, runStopping } from "../jobs/runs.ts";
import type { Context } from "./context.ts";

/**
 * Ends what no state of Pulumi knows, before the stack goes: no further run is started, and those there are end, jobs
 * and all. Answers how many. What waits stays in the database and the queue; `reopen` takes it up again.
 */
export async function drain({ db, launchers, log }: Context): Promise<number> {
  await closeRunners(db, true);
  const runs = await openRuns(db, 0);
  for (const { run, runner, externalId } of runs) {
    log.info({ run, runner, externalId }, "ending a run: the stack is destroyed");
    await runStopping(db, run);
    await launchers[runner].stop(run, externalId);
  }
  return runs.length;
}

/** The stack stays after all, or stands again. */
export const reopen = ({ db }: Context): Promise<void> => closeRunners(db, false);
