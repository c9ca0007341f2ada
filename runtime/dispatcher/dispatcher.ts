import { setTimeout } from "node:timers/promises";
import type { RunnerType } from "../contract/states.ts";
import { lazyS3, sqsClient } from "../platform/aws.ts";
import { PLANNING_CONNECTIONS, pool } from "../platform/postgres.ts";
import { readSettings, requireCloud, type Settings } from "../platform/settings.ts";
import { planningPool } from "../queries/explain.ts";
import { trackingStore } from "../tracking/index.ts";
import type { DispatcherDeps } from "./deps.ts";
import { createHandlers, type Handlers } from "./handlers.ts";
import type { AnyLauncher } from "./launcher.ts";
import { collectorHeaders } from "./traces/headers.ts";

/** Maximum connections of a dispatcher's pool; CONNECTIONS_PER.dispatcher (infra/limits/capacity.ts) includes them. */
export const CONNECTIONS = 2;

/**
 * Builds the dispatcher from the environment.
 * @param launchersFor - Creates the launchers from the settings.
 * @returns The dispatcher; `close` ends its connections.
 */
export function createDispatcher(
  launchersFor: (settings: Settings) => Record<RunnerType, AnyLauncher>,
  log: DispatcherDeps["log"],
): Handlers & { context: DispatcherDeps; close(): Promise<void> } {
  const settings = readSettings();
  const { queues } = requireCloud(settings);
  const db = pool("dispatcher", CONNECTIONS);
  const plans = planningPool(PLANNING_CONNECTIONS);
  const sqs = sqsClient();
  const context: DispatcherDeps = {
    db,
    plans,
    sqs,
    s3: lazyS3(settings),
    queues,
    settings,
    launchers: launchersFor(settings),
    tracking: trackingStore(settings, db),
    traceHeaders: collectorHeaders(settings.traces, {
      onStale: (error) =>
        log.warn({ error }, "the secret with the collector's headers is unusable; using its last valid value"),
    }),
    log,
    now: () => performance.now(),
    sleep: setTimeout,
  };
  return {
    ...createHandlers(context),
    context,
    async close() {
      await Promise.all([db.end(), plans.end()]);
      sqs.destroy();
    },
  };
}
