import { PLANNING_CONNECTIONS } from "../../runtime/platform/postgres.ts";
import { LIMITS } from "./limits.ts";

/** Connections that one of each opens at most. */
export const CONNECTIONS_PER = {
  /** An invocation of the dispatcher: its pool, one that plans reads, and a canceller (runtime/dispatcher). */
  dispatcher: 4,
  /** A Glue run: its work, its lease, and a canceller (runtime/runner). */
  glueRun: 3,
  /** An EC2 runner: its lease, a canceller, and two of work, since that for updates stays open while it does a read. */
  ec2Instance: 4,
  /** An API task: one that plans reads, beside its pool. */
  apiPlanning: PLANNING_CONNECTIONS,
} as const;

/** ECS has old and new tasks side by side while it deploys: infra/ sets deploymentMaximumPercent to 100 times this. */
export const DEPLOYMENT = 2;

/** The wake-up queue's mapping gets as little as AWS takes: one wake-up serves all that waits. */
export const WAKEUPS = LIMITS.eventSourceConcurrencyMin.value;
/** The schedule and the state changes of runs come without a mapping that holds them back. */
export const EVENTS = 2;
/** Executions that the dispatcher cannot do without. */
export const LEAST_EXECUTIONS = LIMITS.eventSourceConcurrencyMin.value + WAKEUPS + EVENTS;

/** Invocations for requests at most: each takes a batch of messages in milliseconds, and more would only wait in line. */
const REQUESTS_MAX = 10;
/** Executions that the dispatcher can make use of. */
export const MOST_EXECUTIONS = REQUESTS_MAX + WAKEUPS + EVENTS;

/** How many of each thing a stack may have at once. */
export interface CapacityPlan {
  dispatcher: {
    /** Executions reserved; undefined where the account has too few to reserve any. */
    reservedConcurrency: number | undefined;
    /** maximumConcurrency of the request queue's event source. */
    eventSourceConcurrency: number;
    /** maximumConcurrency of the wake-up queue's event source. */
    wakeupConcurrency: number;
    /** Database connections of all invocations. */
    connections: number;
  };
  glue: {
    maxConcurrentRuns: number;
    dpuPerRun: number;
    /** DPUs of the one run at a time that may be larger; absent where reads that ran out of memory go elsewhere, or nowhere. */
    largerDpu?: number;
  };
  ec2: { maxInstances: number };
  /** `poolMax` is of one task. */
  api: { minTasks: number; maxTasks: number; poolMax: number };
  database: {
    /** max_connections: from the configuration, else by RDS's formula for the class. */
    maxConnections: number;
    /** What of it can be counted on. */
    usable: number;
    /** Connections at most, by who opens them: dispatcher, api, operations, glue, ec2. */
    parts: Record<string, number>;
    /** Their sum, never above `usable`. */
    total: number;
  };
}

/** DPUs that so many runs take at most, one of them the larger one. */
export const dpusOf = ({ maxConcurrentRuns, dpuPerRun, largerDpu = dpuPerRun }: CapacityPlan["glue"]): number =>
  (maxConcurrentRuns - 1) * dpuPerRun + largerDpu;
