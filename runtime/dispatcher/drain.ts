import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { closeRunners, type OpenRun, openRuns, runStopping } from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { type AnyLauncher, type InstanceLauncher, type Launcher, launchesInstances } from "./launcher.ts";

/** Runs that are stopped at the same time. A function's invocation has a minute for all of them. */
const BATCH = 100;
/** Calls at the same time where a launcher stops runs one by one. */
const PARALLEL = 10;

type Ending = Pick<OpenRun, "run" | "externalId">;

/**
 * Ends what no state of Pulumi knows, before the stack is destroyed: starts no further run, and ends all runs, with and
 * without a slot. Waiting jobs stay in the database and the queue; `reopen` takes them up again. A run that cannot be
 * ended does not keep the others from ending, and every run is asked to end again by the next call.
 * @returns how many runs it ended
 * @throws AggregateError when runs could not be ended
 */
export async function drain(context: DispatcherDeps): Promise<number> {
  const { db, log } = context;
  await closeRunners(db, true);
  const open = await openRuns(db, 0);
  const problems: unknown[] = [];
  const held = new Set(open.map(({ run }) => run));
  const ended = await Promise.all(
    RUNNERS.map(async (runner) => {
      const launcher: AnyLauncher = context.launchers[runner];
      const own = open.filter((one) => one.runner === runner);
      if (launchesInstances(launcher)) return drainInstances(context, runner, launcher, own, problems);
      const strays = await activeStrays(launcher, held, problems);
      const all: Ending[] = [...own, ...strays];
      if (all.length > 0) log.info({ runner, runs: all.length }, "ending runs: the stack is destroyed");
      for (let at = 0; at < all.length; at += BATCH) {
        const batch = all.slice(at, at + BATCH);
        const slotHolders = batch.filter(({ run }) => held.has(run));
        await inParallel(slotHolders, ({ run }) => runStopping(db, run), problems);
        await stop(launcher, batch, problems);
      }
      return all.length;
    }),
  );
  if (problems.length > 0)
    throw new AggregateError(problems, `${problems.length} runs could not be ended: ${problems[0]}. Destroy again.`);
  return ended.reduce((sum, count) => sum + count, 0);
}

/** Terminates all instances of this platform: those that hold slots, those that hold none, and those not shown yet. */
async function drainInstances(
  { db, log }: DispatcherDeps,
  runner: RunnerType,
  launcher: InstanceLauncher,
  own: readonly Ending[],
  problems: unknown[],
): Promise<number> {
  const listed = await launcher.list().catch((error) => {
    problems.push(error);
    return [];
  });
  const gone = new Set(listed.filter(({ terminated }) => terminated).map(({ instance }) => instance));
  const all = new Set([
    ...own.flatMap(({ externalId }) => externalId ?? []),
    ...listed.map(({ instance }) => instance),
  ]);
  const ending = [...all].filter((instance) => !gone.has(instance));
  if (ending.length > 0) log.info({ runner, instances: ending.length }, "ending runs: the stack is destroyed");
  await inParallel(own, ({ run }) => runStopping(db, run), problems);
  await launcher.terminate(ending).catch((error) => problems.push(error));
  return ending.length;
}

/** Runs of this platform that live though no slot is held for them. */
async function activeStrays(launcher: Launcher, held: ReadonlySet<string>, problems: unknown[]): Promise<Ending[]> {
  try {
    return ((await launcher.listActive?.()) ?? []).filter(({ run }) => !held.has(run));
  } catch (error) {
    problems.push(error);
    return [];
  }
}

async function stop(launcher: Launcher, batch: readonly Ending[], problems: unknown[]): Promise<void> {
  if (!launcher.stopAll) {
    await inParallel(batch, ({ run, externalId }) => launcher.stop(run, externalId), problems);
    return;
  }
  await launcher.stopAll(batch).catch((error) => problems.push(error));
}

/** Does work for every item, a bounded number at a time, and notes failures. */
async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  problems: unknown[],
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item).catch((error) => problems.push(error));
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** The stack stays after all, or exists again. */
export const reopen = ({ db }: DispatcherDeps): Promise<void> => closeRunners(db, false);
