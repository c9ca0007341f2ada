import { availableParallelism } from "node:os";
import { type CallerRule, callerRules } from "../../stacks/config/callers.ts";
import { listProblems, readStackFile, stacksIn } from "../../stacks/config/parse.ts";
import type { StackConfig } from "../../stacks/config/schema.ts";
import { type StackSettings, stackSettings } from "../../stacks/config/settings.ts";
import { planCapacity } from "../../stacks/planning/capacity.ts";
import { suggestion } from "../contract/problems.ts";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { ROOT } from "../platform/root.ts";
import type { Settings } from "../platform/settings.ts";
import { PLATFORM_SENDER_ID } from "./aws/principals.ts";

/** Runner processes per core of this machine; each mostly waits for the database. */
export const RUNS_PER_CORE = { default: 4, max: 32 } as const;
/** Maximum connections of a run: one for its lease, and a session per role that it has used. */
const CONNECTIONS_PER_RUN = 4;
/** Maximum seconds from the start of a process to its first report. */
const LOCAL_START_SECONDS = 120;
/** Connections of the API, the dispatcher and users' tools. */
const OTHER_CONNECTIONS = 60;

/** Maximum number of concurrent runs of a type. */
export interface RunLimit {
  /** Maximum in the stack. */
  stack: number;
  /** Maximum on this machine. */
  local: number;
}

/** Capacity of the local platform, and its stack. */
export interface LocalPlan {
  stack: string;
  runners: Record<RunnerType, RunLimit>;
  /** Concurrent invocations for requests and for wake-ups. */
  dispatchers: { requests: number; wakeups: number };
  /** Tenants with their own response queue. */
  tenants: readonly string[];
  /**
   * Rules for senders on the request queue, in addition to the platform's own credentials, which may send for every
   * tenant.
   */
  callers: readonly CallerRule[];
  maxConnections: number;
  /** Maximum runner processes per core of this machine. */
  runsPerCore: number;
  /** Command that starts this platform again, to which `--runs-per-core` can be added. */
  startCommand: string;
  /** Settings of the stack: limits of jobs, the API, and idle times of runners. */
  settings: StackSettings;
}

/** Thrown if the stack does not exist, its file is invalid, or it exceeds the account's quotas. */
export class StackError extends Error {
  override readonly name = "StackError";
}

/**
 * Reads the stack's file in the clone and limits its capacity to that of this machine.
 * @throws StackError
 */
export function localPlan(
  stack: string,
  {
    directory = ROOT,
    cores = availableParallelism(),
    runsPerCore = RUNS_PER_CORE.default as number,
    startCommand = "npm start --",
  } = {},
): LocalPlan {
  const config = readStack(stack, directory);
  const { plan, problems } = planCapacity(config);
  if (plan === undefined)
    throw new StackError(`Pulumi.${stack}.yaml exceeds the account's quotas:\n${listProblems(problems)}`);
  const runners = scaleToMachine({ glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances }, cores, runsPerCore);
  const { eventSourceConcurrency, wakeupConcurrency } = plan.dispatcher;
  return {
    stack,
    runners,
    dispatchers: { requests: eventSourceConcurrency, wakeups: wakeupConcurrency },
    tenants: config.tenants,
    // Without IAM the ids of roles and users are unknown, so only ids that the stack itself lists are used.
    callers: callerRules(config.callers, () => []),
    maxConnections: connectionsFor(runners),
    runsPerCore,
    startCommand,
    settings: stackSettings(config, plan),
  };
}

function readStack(stack: string, directory: string): StackConfig {
  const stacks = stacksIn(directory);
  if (!stacks.includes(stack))
    throw new StackError(`--stack: there is no stack '${stack}'.${suggestion(stack, stacks)}`);
  try {
    return readStackFile(stack, directory);
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/**
 * Returns the number of runs of each type on this machine: the stack's numbers if there are enough cores. Otherwise
 * `runsPerCore` processes per core in the stack's proportion, at least one of each type that the stack has.
 */
export function scaleToMachine(
  stack: Record<RunnerType, number>,
  cores: number,
  runsPerCore: number = RUNS_PER_CORE.default,
): Record<RunnerType, RunLimit> {
  const total = RUNNERS.reduce((sum, runner) => sum + stack[runner], 0);
  const share = Math.min(1, (runsPerCore * cores) / total);
  const limit = (runs: number): RunLimit => ({
    stack: runs,
    local: runs === 0 ? 0 : Math.max(1, Math.floor(runs * share)),
  });
  return { glue: limit(stack.glue), ec2: limit(stack.ec2) };
}

/** Returns the number of connections that the cluster must accept for all concurrent runs, with a reserve. */
export function connectionsFor(runners: Record<RunnerType, RunLimit>): number {
  return OTHER_CONNECTIONS + CONNECTIONS_PER_RUN * RUNNERS.reduce((sum, runner) => sum + runners[runner].local, 0);
}

/**
 * Returns RATES_SETTINGS for every local component: the stack's settings, within this machine's capacity, with local
 * addresses.
 *
 * @param platform - Part of the cookies' names, since all platforms on this machine share the browser's cookies.
 */
export function localSettings(
  plan: LocalPlan,
  platform: string,
  queues: NonNullable<Settings["queues"]>,
  buckets: NonNullable<Settings["buckets"]>,
): object {
  const { runners, runsPerCore, startCommand } = plan;
  const limit = {
    limitedBy: `this machine runs at most ${runsPerCore} runner ${runsPerCore === 1 ? "process" : "processes"} per core`,
    limitRemedy: remedyFor(runsPerCore, startCommand),
  };
  // Traces of this machine must not go to the stack's collector.
  const { traces: _, ...settings } = plan.settings;
  const slots = (runner: RunnerType) => ({
    ...settings.runners[runner],
    slots: runners[runner].local,
    ...(runners[runner].local < runners[runner].stack ? limit : {}),
    startSeconds: LOCAL_START_SECONDS,
  });
  return {
    ...settings,
    version: "local",
    queues,
    buckets,
    pathStyleS3: true,
    runners: { glue: slots("glue"), ec2: slots("ec2") },
    callers: [{ senderId: PLATFORM_SENDER_ID, tenants: ["*"], scopes: ["read", "update"] }, ...plan.callers],
    platformSenders: [PLATFORM_SENDER_ID],
    // /rates is open and has no rate limit, since only this machine can reach the API, which has no load balancer.
    api: {
      ...settings.api,
      openRates: true,
      trustedHops: 0,
      signIn: { ...settings.api.signIn, platform },
      limits: { ...settings.api.limits, ratesPerMinute: 0 },
    },
  };
}

/** Returns the remedy if jobs wait because of this machine's limit. */
function remedyFor(runsPerCore: number, startCommand: string): string {
  const largerMachine = "use a machine with more cores";
  if (runsPerCore >= RUNS_PER_CORE.max) return largerMachine;
  return `restart with ${startCommand} --runs-per-core ${Math.min(RUNS_PER_CORE.max, 2 * runsPerCore)}, or ${largerMachine}`;
}
