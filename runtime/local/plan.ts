import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type CallerRule, callerRules } from "../../stacks/config/callers.ts";
import { listProblems, readStackFile } from "../../stacks/config/parse.ts";
import type { StackConfig } from "../../stacks/config/schema.ts";
import { type StackSettings, stackSettings } from "../../stacks/config/settings.ts";
import { planCapacity } from "../../stacks/planning/capacity.ts";
import { suggestion } from "../contract/problems.ts";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { ROOT } from "../platform/root.ts";
import type { Settings } from "../platform/settings.ts";
import { PLATFORM_SENDER_ID } from "./aws/principals.ts";

/** Runner processes per core of this machine; each is mostly waiting for the database. */
export const RUNS_PER_CORE = { usual: 4, most: 32 } as const;
/** Connections of one run at most: its keeper's, and a session for each role it has worked as. */
const CONNECTIONS_PER_RUN = 4;
/** From the start of a process to its first sign of life. */
const LOCAL_START_SECONDS = 120;
/** Connections of everything else: API, dispatcher, canceller, and the people who look on. */
const OTHER_CONNECTIONS = 60;

/** Maximum number of busy runs of a type. */
export interface RunLimit {
  /** In the stack that is imitated. */
  stack: number;
  /** On this machine. */
  local: number;
}

/** Capacity of the local platform, and the stack that it imitates. */
export interface LocalPlan {
  stack: string;
  runners: Record<RunnerType, RunLimit>;
  /** Invocations at once for requests, and for wake-ups. */
  dispatchers: { requests: number; wakeups: number };
  /** Tenants with their own response queue. */
  tenants: readonly string[];
  /** Rules for senders on the request queue, beside the platform's own credentials, which may send for every tenant. */
  callers: readonly CallerRule[];
  maxConnections: number;
  /** Runner processes per core of this machine, at most. */
  runsPerCore: number;
  /** The stack's own choices: what jobs may take, how the API behaves, how long runners stay warm. */
  settings: StackSettings;
}

/** The stack cannot be imitated: there is none of that name, or its file is wrong. */
export class StackError extends Error {
  override readonly name = "StackError";
}

/**
 * Reads the stack's file in the clone and fits its capacity to this machine.
 * @throws StackError
 */
export function localPlan(
  stack: string,
  { directory = ROOT, cores = availableParallelism(), runsPerCore = RUNS_PER_CORE.usual as number } = {},
): LocalPlan {
  const config = readStack(stack, directory);
  const { plan, problems } = planCapacity(config);
  if (plan === undefined) throw new StackError(`Pulumi.${stack}.yaml asks for too much:\n${listProblems(problems)}`);
  const runners = scaleToMachine({ glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances }, cores, runsPerCore);
  const { eventSourceConcurrency, wakeupConcurrency } = plan.dispatcher;
  return {
    stack,
    runners,
    dispatchers: { requests: eventSourceConcurrency, wakeups: wakeupConcurrency },
    tenants: config.tenants,
    // No IAM here that knows the ids of roles and users: those that the stack names itself.
    callers: callerRules(config.callers, () => []),
    maxConnections: connectionsFor(runners),
    runsPerCore,
    settings: stackSettings(config, plan),
  };
}

function readStack(stack: string, directory: string): StackConfig {
  const stacks = readdirSync(directory).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
  if (!stacks.includes(stack))
    throw new StackError(`--stack: there is no stack '${stack}'.${suggestion(stack, stacks)}`);
  try {
    return readStackFile(stack, directory);
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/**
 * Number of runs of each type on this machine: the stack's numbers if it has enough cores, otherwise `runsPerCore`
 * processes per core, shared in the stack's proportion, with at least one of each type that the stack has.
 */
export function scaleToMachine(
  stack: Record<RunnerType, number>,
  cores: number,
  runsPerCore: number = RUNS_PER_CORE.usual,
): Record<RunnerType, RunLimit> {
  const total = RUNNERS.reduce((sum, kind) => sum + stack[kind], 0);
  const share = Math.min(1, (runsPerCore * cores) / total);
  const limit = (runs: number): RunLimit => ({
    stack: runs,
    local: runs === 0 ? 0 : Math.max(1, Math.floor(runs * share)),
  });
  return { glue: limit(stack.glue), ec2: limit(stack.ec2) };
}

/** Connections that the cluster must accept for all runs at once, with a reserve. */
export function connectionsFor(runners: Record<RunnerType, RunLimit>): number {
  return OTHER_CONNECTIONS + CONNECTIONS_PER_RUN * RUNNERS.reduce((sum, kind) => sum + runners[kind].local, 0);
}

/**
 * RATES_SETTINGS of every local part: the stack's choices, within this machine's capacity, at this machine's addresses.
 * @param platform names this platform in cookies, which all platforms on this machine share
 */
export function localSettings(
  plan: LocalPlan,
  platform: string,
  queues: NonNullable<Settings["queues"]>,
  buckets: NonNullable<Settings["buckets"]>,
): object {
  const { runners, runsPerCore } = plan;
  const limit = {
    limitedBy: `this machine carries ${runsPerCore} runner ${runsPerCore === 1 ? "process" : "processes"} per core`,
    limitRemedy: remedyFor(runsPerCore),
  };
  // The stack's collector is not for the traces of this machine.
  const { traces: _, ...settings } = plan.settings;
  const slots = (kind: RunnerType) => ({
    ...settings.runners[kind],
    slots: runners[kind].local,
    ...(runners[kind].local < runners[kind].stack ? limit : {}),
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
    // Open locally, as far as the machine allows: it is not reachable from outside, and has no load balancer.
    api: {
      ...settings.api,
      openRates: true,
      trustedHops: 0,
      signIn: { ...settings.api.signIn, platform },
      limits: { ...settings.api.limits, ratesPerMinute: 0 },
    },
  };
}

/** Remedy if jobs wait for runs that this machine's limit does not allow. */
function remedyFor(runsPerCore: number): string {
  const more = "use a machine with more cores";
  if (runsPerCore >= RUNS_PER_CORE.most) return more;
  return `restart with npm start -- --runs-per-core ${Math.min(RUNS_PER_CORE.most, 2 * runsPerCore)}, or ${more}`;
}
