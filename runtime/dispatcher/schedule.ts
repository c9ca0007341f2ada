import { overflow, planLarger, planRuns, runLaunched, runRefused } from "../jobs/runs.ts";
import { tenantSlots } from "../jobs/settings.ts";
import { RUNNERS, type RunnerKind } from "../jobs/states.ts";
import type { Context } from "./context.ts";
import { Refused, TooLate } from "./launcher.ts";

/**
 * The part of a run's start time within which it is launched. Its slot is another run's, at the earliest, when all of that
 * time is over: who was paused since the slot was taken launches no more, and the rest is for a call on its way.
 */
const LAUNCH_SHARE = 0.5;

/**
 * Starts the runs that waiting jobs need and the stack's capacity allows. The database decides and takes the slots;
 * here they are only launched. Answers how many were.
 */
export async function schedule(context: Context): Promise<number> {
  const { jobs, runners } = context.settings;
  if (jobs.readsOnEc2 && runners.glue.slots > 0 && runners.ec2.slots > 0)
    await overflow(context.db, { glue: runners.glue.slots, ec2: runners.ec2.slots });
  const started = await Promise.all(
    RUNNERS.map(async (runner) => {
      const { slots, startSeconds } = runners[runner];
      if (slots === 0) return 0;
      const silentSeconds = jobs.leaseSeconds;
      // Before the question, so before the slots were taken.
      const until = context.now() + LAUNCH_SHARE * startSeconds * 1000;
      const runs = await planRuns(context.db, {
        runner,
        slots,
        version: context.settings.version,
        startSeconds,
        silentSeconds,
        tenantSlots: tenantSlots(context.settings, runner),
      });
      const launched = await Promise.all(runs.map((run) => launch(context, run, runner, until)));
      return launched.filter(Boolean).length;
    }),
  );
  return started.reduce((sum, count) => sum + count, 0);
}

/**
 * Starts the larger run that a read waits for which ran out of memory and may not go to EC2. One at a time, in a slot like
 * any other's: whoever plans the capacity counts with it. Answers how many were started.
 */
export async function scheduleLarger(context: Context): Promise<number> {
  const { glue, jobs, runners, version } = context.settings;
  const { slots, startSeconds } = runners.glue;
  const isThere = glue?.largerCapacity !== undefined && !(jobs.readsOnEc2 && runners.ec2.slots > 0);
  const until = context.now() + LAUNCH_SHARE * startSeconds * 1000;
  const run = await planLarger(context.db, { runner: "glue", slots, version, startSeconds }, isThere);
  return run !== undefined && (await launch(context, run, "glue", until, true)) ? 1 : 0;
}

async function launch(
  context: Context,
  run: string,
  runner: RunnerKind,
  until: number,
  larger = false,
): Promise<boolean> {
  const inTime = () => {
    if (context.now() > until) throw new TooLate();
  };
  try {
    const launcher = context.launchers[runner];
    const externalId = await launcher.start(run, runner, { inTime, larger });
    if (await runLaunched(context.db, run, externalId)) return true;
    // The call itself took too long. The run would take no job, since it is refused when it reports in, but it is there.
    context.log.warn({ run, runner, externalId }, "a run was launched after its slot was given up: ending it");
    await launcher.stop(run, externalId);
    return false;
  } catch (error) {
    if (error instanceof Refused) {
      const until = await runRefused(context.db, run, error.message);
      context.log.warn({ run, runner, until }, `no room for a run: ${error.message}`);
    } else {
      // It may have started all the same: the slot stays taken until the run reports in or its deadline passes.
      context.log.error({ run, runner, error: String(error) }, "the outcome of a launch is unknown");
    }
    return false;
  }
}
