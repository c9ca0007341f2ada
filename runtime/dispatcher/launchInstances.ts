import type { RunnerType } from "../contract/states.ts";
import { requestThrottled } from "../store/awsRequestRates.ts";
import { beginLaunch, type Launch, launchAnswered, launchUnknown } from "../store/launches.ts";
import type { DispatcherDeps } from "./deps.ts";
import { type InstanceLauncher, type LaunchAnswer, LaunchDeadlineExceeded } from "./launcher.ts";

/** Maximum time that an invocation waits for the request rate; the next invocation continues. Milliseconds. */
const MAX_DURATION_MS = 25_000;
/** Time for which a request belongs to one dispatcher, which sends it in the first half. An invocation has a minute. */
const HOLD_SECONDS = 40;
/** Unanswered requests after which an invocation stops. */
const MAX_UNKNOWN = 3;
/** Pause of all dispatchers after a throttled request; doubled each time. Milliseconds. */
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 8_000;

/**
 * Requests instances for all runs that have a slot and no launch, whichever dispatcher planned them, so that a burst
 * takes few requests. Requests with an unknown outcome are repeated first, unchanged.
 * @returns The number of started instances.
 */
export async function launchInstances(
  context: DispatcherDeps,
  runner: RunnerType,
  launcher: InstanceLauncher,
): Promise<number> {
  const { db, log, settings } = context;
  const { request, targets, rate } = launcher;
  const deadline = context.now() + MAX_DURATION_MS;
  let limit = launcher.limit;
  let started = 0;
  for (let unknown = 0, throttles = 0; ; ) {
    // Measured before the query, so before the launch's time begins.
    const measuredAt = context.now();
    const plan = { runner, version: settings.version, request, targets, limit, holdSeconds: HOLD_SECONDS, rate };
    const next = await beginLaunch(db, plan);
    if (!next) return started;
    if ("refused" in next) {
      const { refused, reason, until } = next;
      if (refused.length > 0) log.warn({ runner, runs: refused.length, until }, `no capacity for instances: ${reason}`);
      continue;
    }
    if ("waitMs" in next) {
      if (measuredAt + next.waitMs > deadline) {
        log.info({ runner, waitMs: next.waitMs }, "instances wait for the request rate");
        return started;
      }
      await context.sleep(next.waitMs);
      continue;
    }
    const answer = await send(context, launcher, next, measuredAt);
    if (answer.outcome === "unknown") {
      if (++unknown >= MAX_UNKNOWN) return started;
    } else if (answer.outcome === "started") {
      started += answer.instances.length;
      // All runs were served.
      if (answer.instances.length === next.instances && next.instances < limit && next.send === 1) return started;
    } else if (answer.outcome === "throttled") {
      await requestThrottled(db, rate, Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** throttles++));
    } else if (answer.outcome === "tooMany") {
      await requestThrottled(db, rate, MIN_BACKOFF_MS);
      limit = Math.max(1, Math.floor(next.instances / 2));
    }
  }
}

/** Sends a request and records its outcome. */
async function send(
  context: DispatcherDeps,
  launcher: InstanceLauncher,
  launch: Launch,
  measuredAt: number,
): Promise<LaunchAnswer | { outcome: "unknown" | "late" }> {
  const { db, log } = context;
  const { launch: id, send: sends, target, instances } = launch;
  const about = { launch: id, send: sends, target, instances };
  const assertBeforeDeadline = () => {
    if (context.now() > measuredAt + launch.sendMs) throw new LaunchDeadlineExceeded();
  };
  let answer: LaunchAnswer;
  try {
    answer = await launcher.launch(launch, assertBeforeDeadline);
  } catch (error) {
    log.error({ ...about, error: String(error) }, "the outcome of a launch is unknown");
    // A request that was not sent has started nothing.
    if (error instanceof LaunchDeadlineExceeded && sends === 1) {
      await launchAnswered(db, launch, { instances: [] });
      return { outcome: "late" };
    }
    await launchUnknown(db, launch);
    return { outcome: "unknown" };
  }
  if (answer.outcome === "started") {
    const isShort = answer.instances.length < instances;
    const short = isShort ? { short: [target], reason: `${answer.instances.length} of ${instances} started` } : {};
    const strays = await launchAnswered(db, launch, { instances: answer.instances, ...short });
    if (strays.length > 0) {
      // The request took too long. Its instances would be refused when they report in, but they exist.
      log.warn({ ...about, strays }, "instances were started after their slots expired; terminating them");
      await launcher.terminate(strays);
    }
    return answer;
  }
  log.warn({ ...about, outcome: answer.outcome }, `no instance was started: ${answer.reason}`);
  if (answer.outcome === "short")
    await launchAnswered(db, launch, { instances: [], short: answer.targets, reason: answer.reason });
  else if (sends === 1) await launchAnswered(db, launch, { instances: [] });
  // The previous request may still have started instances.
  else await launchUnknown(db, launch);
  return answer;
}
