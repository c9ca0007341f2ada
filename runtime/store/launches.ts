import type { RunnerType } from "../contract/states.ts";
import type { RequestRate } from "./awsRequestRates.ts";
import type { Database } from "./jobs.ts";

/** Launches in the job store. A launch is a request for instances, each of which receives one of the launch's runs. */

/** Parameters of a dispatcher's requests for instances. */
export interface LaunchPlan {
  runner: RunnerType;
  /** Code version for which the runs were planned. */
  version: string;
  /** Parameters of a request besides its id, target and number of instances. */
  request: string;
  /** Targets of requests (a subnet, with `spot:` before it for Spot Instances), in order of preference. */
  targets: readonly string[];
  /** Maximum number of instances per request. */
  limit: number;
  /** Seconds for which a request is reserved for its dispatcher. Without a response, any dispatcher may then repeat it. */
  holdSeconds: number;
  rate: RequestRate;
}

/** A request for instances, reserved for one dispatcher. */
export interface Launch {
  /** Client token of the request and tag of its instances. */
  launch: string;
  /** Number of times that it was sent, including this time. */
  send: number;
  request: string;
  target: string;
  instances: number;
  /**
   * Milliseconds within which it must be sent. Later, other runs may have its slots, or another dispatcher may repeat
   * it.
   */
  sendMs: number;
}

/**
 * Next step of a dispatcher: send a request, wait for the request rate, or report runs that were refused for lack of
 * capacity.
 */
export type NextLaunch = Launch | { waitMs: number } | { refused: string[]; reason: string | null; until: string };

/**
 * Reserves the next launch.
 *
 * @returns undefined if there is nothing to request
 */
export async function beginLaunch(db: Database, plan: LaunchPlan): Promise<NextLaunch | undefined> {
  const { runner, version, request, targets, limit, holdSeconds, rate } = plan;
  const { rows } = await db.query("select jobs.begin_launch($1, $2, $3, $4, $5, $6, $7, $8, $9) as next", [
    runner,
    version,
    request,
    targets,
    limit,
    holdSeconds,
    rate.name,
    rate.burst,
    rate.perSecond,
  ]);
  return rows[0].next ?? undefined;
}

/** Outcome of a request: the started instances, and the targets that are short of capacity. */
export interface LaunchResult {
  instances: readonly string[];
  short?: readonly string[];
  reason?: string;
}

/**
 * Records the instances that a launch started, and releases its other runs for a new launch. An empty list is ignored
 * unless `send` is the launch's latest send: a later send may have started instances.
 *
 * @returns instances for which no run is left
 */
export async function recordLaunchResponse(
  db: Database,
  { launch, send }: Pick<Launch, "launch" | "send">,
  { instances, short = [], reason = "" }: LaunchResult,
): Promise<string[]> {
  const { rows } = await db.query("select jobs.launch_answered($1, $2, $3, $4, $5) as strays", [
    launch,
    send,
    instances,
    short,
    reason,
  ]);
  return rows[0].strays;
}

/** Records that the outcome of a launch is unknown. The launch is repeated before any new one. */
export async function launchUnknown(db: Database, { launch, send }: Pick<Launch, "launch" | "send">): Promise<void> {
  await db.query("select jobs.launch_unknown($1, $2)", [launch, send]);
}

/**
 * Assigns instances of a launch to those of its runs that have no instance.
 *
 * @returns instances for which no run is left
 */
export async function assignInstances(db: Database, launch: string, instances: readonly string[]): Promise<string[]> {
  return (await db.query("select jobs.assign_instances($1, $2) as strays", [launch, instances])).rows[0].strays;
}
