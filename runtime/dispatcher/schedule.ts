import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { tenantSlots } from "../platform/settings.ts";
import { planAllRuns, planLarger, runLaunched, runRefused } from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { CapacityUnavailable, LaunchDeadlineExceeded, type LaunchOptions, launchesInstances } from "./launcher.ts";
import { launchInstances } from "./launchInstances.ts";

/**
 * Fraction of a run's start time (`startSeconds`) within which it must be launched. After the full time, its slot may
 * go to another run; the second half allows for a slow call.
 */
const LAUNCH_SHARE = 0.5;

/**
 * Starts the runs that waiting jobs need and capacity allows. The database decides and takes the slots; this
 * function only launches.
 * @param includeLeftovers - Also launches instances for runs that an earlier call planned and did not launch.
 * @returns The number of started runs.
 */
export async function schedule(context: DispatcherDeps, includeLeftovers = false): Promise<number> {
  const { jobs, runners, version } = context.settings;
  const active = RUNNERS.filter((runner) => runners[runner].slots > 0);
  // Measured before the query, so before the slots are taken.
  const plannedAt = context.now();
  const plans = active.map((runner) => ({
    runner,
    slots: runners[runner].slots,
    version,
    startSeconds: runners[runner].startSeconds,
    silentSeconds: jobs.leaseSeconds,
    tenantSlots: tenantSlots(context.settings, runner),
  }));
  const planned = await planAllRuns(context.db, plans, jobs.readsOnEc2 && active.length === RUNNERS.length);
  const started = await Promise.all(
    plans.map(({ runner, startSeconds }) => {
      const runs = planned.get(runner) ?? [];
      const launcher = context.launchers[runner];
      if (!launchesInstances(launcher))
        return launch(context, runs, runner, plannedAt + LAUNCH_SHARE * startSeconds * 1000);
      return runs.length > 0 || includeLeftovers ? launchInstances(context, runner, launcher) : 0;
    }),
  );
  return started.reduce((sum, count) => sum + count, 0);
}

/**
 * Starts a larger run for a read that ran out of memory and may not use EC2. Larger runs start one at a time, in an
 * ordinary slot, as the capacity plan assumes.
 * @returns The number of started runs.
 */
export async function scheduleLarger(context: DispatcherDeps): Promise<number> {
  const { glue, jobs, runners, version } = context.settings;
  const { slots, startSeconds } = runners.glue;
  const isAvailable = glue?.largerCapacity !== undefined && !(jobs.readsOnEc2 && runners.ec2.slots > 0);
  const deadline = context.now() + LAUNCH_SHARE * startSeconds * 1000;
  const run = await planLarger(context.db, { runner: "glue", slots, version, startSeconds }, isAvailable);
  return run === undefined ? 0 : await launch(context, [run], "glue", deadline, true);
}

/**
 * Launches runs whose slots were taken.
 * @returns The number of started runs.
 */
async function launch(
  context: DispatcherDeps,
  runs: readonly string[],
  runner: RunnerType,
  deadline: number,
  larger = false,
): Promise<number> {
  const assertBeforeDeadline = () => {
    if (context.now() > deadline) throw new LaunchDeadlineExceeded();
  };
  const launched = await Promise.all(runs.map((run) => start(context, run, runner, { assertBeforeDeadline, larger })));
  return launched.filter(Boolean).length;
}

/**
 * Starts a run and records the outcome.
 * @returns True if it was started.
 */
async function start(
  context: DispatcherDeps,
  run: string,
  runner: RunnerType,
  options: LaunchOptions,
): Promise<boolean> {
  const { db, log } = context;
  const launcher = context.launchers[runner];
  if (launchesInstances(launcher)) throw new Error(`${runner} runs are not started one by one`);
  try {
    const externalId = await launcher.start(run, runner, options);
    if (await runLaunched(db, run, externalId)) return true;
    // The call took too long. The run would be refused when it reports in, but it exists.
    log.warn({ run, runner, externalId }, "a run was launched after its slot expired; ending it");
    await launcher.stop(run, externalId);
  } catch (error) {
    if (error instanceof CapacityUnavailable || error instanceof LaunchDeadlineExceeded) {
      // Nothing was started.
      const until = await runRefused(db, run, error.message);
      const reason = error instanceof CapacityUnavailable ? "no capacity for a run" : "a run was not launched";
      log.warn({ run, runner, until }, `${reason}: ${error.message}`);
    } else {
      // The run may have started: its slot stays taken until it reports in or its deadline passes.
      log.error({ run, runner, error: String(error) }, "the outcome of a launch is unknown");
    }
  }
  return false;
}
