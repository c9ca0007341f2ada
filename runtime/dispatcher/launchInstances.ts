import type { RunnerType } from "../contract/states.ts";
import { requestThrottled } from "../store/awsRequestRates.ts";
import { beginLaunch, type Launch, launchUnknown, recordLaunchResponse } from "../store/launches.ts";
import type { DispatcherDeps } from "./deps.ts";
import { type InstanceLauncher, LaunchDeadlineExceeded, type LaunchResponse } from "./launcher.ts";

/** Time after which an invocation no longer waits for the request rate; the next invocation continues. Milliseconds. */
const MAX_DURATION_MS = 25_000;
/**
 * Time for which a request is reserved for one dispatcher, which must send it in the first half. An invocation ends
 * after a minute.
 */
const HOLD_SECONDS = 40;
/** Number of requests without a response after which an invocation stops. */
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
  for (let unknownCount = 0, throttleCount = 0; ; ) {
    // Measured before the query, since the time limit `sendMs` starts during the query.
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
    const { instances, send: sendCount } = next;
    const response = await send(context, launcher, next, measuredAt);
    if (response.outcome === "unknown") {
      if (++unknownCount >= MAX_UNKNOWN) return started;
    } else if (response.outcome === "started") {
      started += response.instances.length;
      // Every run has an instance.
      if (response.instances.length === instances && instances < limit && sendCount === 1) return started;
    } else if (response.outcome === "throttled") {
      await requestThrottled(db, rate, Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** throttleCount++));
    } else if (response.outcome === "tooMany") {
      await requestThrottled(db, rate, MIN_BACKOFF_MS);
      limit = Math.max(1, Math.floor(instances / 2));
    }
  }
}

/** Sends a request and records its outcome. */
async function send(
  context: DispatcherDeps,
  launcher: InstanceLauncher,
  launch: Launch,
  measuredAt: number,
): Promise<LaunchResponse | { outcome: "unknown" | "late" }> {
  const { db, log } = context;
  const { launch: id, send: sendCount, target, instances } = launch;
  const logFields = { launch: id, send: sendCount, target, instances };
  const assertBeforeDeadline = () => {
    if (context.now() > measuredAt + launch.sendMs) throw new LaunchDeadlineExceeded();
  };
  let response: LaunchResponse;
  try {
    response = await launcher.launch(launch, assertBeforeDeadline);
  } catch (error) {
    // A request that was not sent has started nothing.
    if (error instanceof LaunchDeadlineExceeded && sendCount === 1) {
      log.warn(logFields, `instances were not requested: ${error.message}`);
      await recordLaunchResponse(db, launch, { instances: [] });
      return { outcome: "late" };
    }
    log.error({ ...logFields, error: String(error) }, "the outcome of a launch is unknown");
    await launchUnknown(db, launch);
    return { outcome: "unknown" };
  }
  if (response.outcome === "started") {
    const isShort = response.instances.length < instances;
    const shortage = isShort ? { short: [target], reason: `${response.instances.length} of ${instances} started` } : {};
    const strays = await recordLaunchResponse(db, launch, { instances: response.instances, ...shortage });
    if (strays.length > 0) {
      // The request took too long. Its instances would receive no run when they report in; terminating them now saves
      // their cost.
      log.warn({ ...logFields, strays }, "instances were started after their slots expired; terminating them");
      await launcher.terminate(strays);
    }
    return response;
  }
  log.warn({ ...logFields, outcome: response.outcome }, `no instance was started: ${response.reason}`);
  if (response.outcome === "short")
    await recordLaunchResponse(db, launch, { instances: [], short: response.targets, reason: response.reason });
  else if (sendCount === 1) await recordLaunchResponse(db, launch, { instances: [] });
  // An earlier request of this launch may have started instances.
  else await launchUnknown(db, launch);
  return response;
}
