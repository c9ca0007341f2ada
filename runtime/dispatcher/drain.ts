import { counted } from "../contract/counted.ts";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { closeRunners, type OpenRun, openRuns, runStopping } from "../store/runs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { type AnyLauncher, type InstanceLauncher, type Launcher, launchesInstances } from "./launcher.ts";

/** Runs per batch. Batches are stopped one after another; an invocation has one minute for all of them. */
const BATCH = 100;
/**
 * Maximum number of concurrent calls per runner type that update runs in the database, or stop runs if the launcher
 * cannot stop a batch.
 */
const CONCURRENCY = 10;

type RunToEnd = Pick<OpenRun, "run" | "externalId">;

/**
 * Ends all runs, with and without slots, and prevents new ones, before the stack is destroyed. Waiting jobs stay in the
 * database until `reopenRunners` allows runs again. A run that cannot be ended does not keep others from ending, and
 * the next call tries again.
 * @returns The number of ended runs.
 * @throws AggregateError when runs could not be ended
 */
export async function drain(context: DispatcherDeps): Promise<number> {
  const { db, log } = context;
  await closeRunners(db, true);
  const open = await openRuns(db, 0);
  const problems: unknown[] = [];
  const withSlot = new Set(open.map(({ run }) => run));
  const ended = await Promise.all(
    RUNNERS.map(async (runner) => {
      const launcher: AnyLauncher = context.launchers[runner];
      const openOfRunner = open.filter((run) => run.runner === runner);
      if (launchesInstances(launcher)) return drainInstances(context, runner, launcher, openOfRunner, problems);
      const strays = await activeStrays(launcher, withSlot, problems);
      const all: RunToEnd[] = [...openOfRunner, ...strays];
      if (all.length > 0) log.info({ runner, runs: all.length }, "ending runs, since the stack is being destroyed");
      for (let at = 0; at < all.length; at += BATCH) {
        const batch = all.slice(at, at + BATCH);
        const slotHolders = batch.filter(({ run }) => withSlot.has(run));
        await inParallel(slotHolders, ({ run }) => runStopping(db, run), problems);
        await stop(launcher, batch, problems);
      }
      return all.length;
    }),
  );
  if (problems.length > 0)
    throw new AggregateError(
      problems,
      `Draining failed with ${counted(problems.length, "problem")}, the first: ${problems[0]}. Run destroy again.`,
    );
  return ended.reduce((sum, count) => sum + count, 0);
}

/** Terminates all instances of this platform: with slots, without slots, and not yet listed. */
async function drainInstances(
  { db, log }: DispatcherDeps,
  runner: RunnerType,
  launcher: InstanceLauncher,
  open: readonly RunToEnd[],
  problems: unknown[],
): Promise<number> {
  const listed = await launcher.list().catch((error) => {
    problems.push(error);
    return [];
  });
  const terminating = new Set(listed.filter((instance) => instance.isTerminating).map(({ instance }) => instance));
  const all = new Set([
    ...open.flatMap(({ externalId }) => externalId ?? []),
    ...listed.map(({ instance }) => instance),
  ]);
  const ending = [...all].filter((instance) => !terminating.has(instance));
  if (ending.length > 0)
    log.info({ runner, instances: ending.length }, "ending runs, since the stack is being destroyed");
  await inParallel(open, ({ run }) => runStopping(db, run), problems);
  await launcher.terminate(ending).catch((error) => problems.push(error));
  return ending.length;
}

/** Lists active runs without a slot. */
async function activeStrays(
  launcher: Launcher,
  withSlot: ReadonlySet<string>,
  problems: unknown[],
): Promise<RunToEnd[]> {
  try {
    return ((await launcher.listActive?.()) ?? []).filter(({ run }) => !withSlot.has(run));
  } catch (error) {
    problems.push(error);
    return [];
  }
}

async function stop(launcher: Launcher, batch: readonly RunToEnd[], problems: unknown[]): Promise<void> {
  if (!launcher.stopAll) {
    await inParallel(batch, ({ run, externalId }) => launcher.stop(run, externalId), problems);
    return;
  }
  await launcher.stopAll(batch).catch((error) => problems.push(error));
}

/** Processes items with bounded concurrency, and collects failures. */
async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  problems: unknown[],
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item).catch((error) => problems.push(error));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Allows runs to start again, after the stack was created again, or kept although a destroy had begun. */
export const reopenRunners = ({ db }: DispatcherDeps): Promise<void> => closeRunners(db, false);
