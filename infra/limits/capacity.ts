import { PLANNING_CONNECTIONS } from "../../runtime/platform/postgres.ts";
import { LIMITS } from "./limits.ts";

/** Maximum connections per instance of each component. */
export const CONNECTIONS_PER = {
  /** An invocation of the dispatcher: its pool, one connection that plans reads, and a canceller (runtime/dispatcher). */
  dispatcher: 4,
  /** A Glue run: its work, its lease, and a canceller (runtime/runner). */
  glueRun: 3,
  /** An EC2 runner: its lease, a canceller, and two for work: the one for updates stays open during a read. */
  ec2Instance: 4,
  /** An API task: one connection that plans reads, in addition to its pool (`poolMax`). */
  apiPlanning: PLANNING_CONNECTIONS,
} as const;

/**
 * Maximum number of tasks during a deployment, when old and new ones run together, as a multiple of the usual number;
 * deploymentMaximumPercent is 100 times this.
 */
export const DEPLOYMENT_TASK_FACTOR = 2;

/** Concurrency of the wake-up queue's mapping: AWS's minimum, since one wake-up serves all waiting jobs. */
export const WAKEUP_CONCURRENCY = LIMITS.eventSourceConcurrencyMin.value;
/** Concurrency for scheduled invocations and events about runs' states, which no event source mapping limits. */
export const EVENT_CONCURRENCY = 2;
/** Minimum concurrency that a dispatcher reserves. */
export const MIN_EXECUTIONS = LIMITS.eventSourceConcurrencyMin.value + WAKEUP_CONCURRENCY + EVENT_CONCURRENCY;

/** Maximum concurrency for requests. More would not help: an invocation accepts a batch in milliseconds. */
const MAX_REQUEST_CONCURRENCY = 10;
/** Maximum concurrency that the dispatcher can use. */
export const MAX_EXECUTIONS = MAX_REQUEST_CONCURRENCY + WAKEUP_CONCURRENCY + EVENT_CONCURRENCY;

/** Planned maximums of a stack. */
export interface CapacityPlan {
  /** Concurrency of the dispatcher. */
  dispatcher: {
    /** Reserved concurrency; undefined when the account has too little to reserve any. */
    reservedConcurrency: number | undefined;
    /** maximumConcurrency of the request queue's event source. */
    eventSourceConcurrency: number;
    /** maximumConcurrency of the wake-up queue's event source. */
    wakeupConcurrency: number;
    /** Database connections of all invocations. */
    connections: number;
  };
  /** Maximum Glue runs at once, and DPUs of each. */
  glue: {
    maxConcurrentRuns: number;
    dpuPerRun: number;
    /** DPUs of a larger run, one at a time; absent if reads that ran out of memory use another runner or fail. */
    largerDpu?: number;
  };
  /** Maximum EC2 runners at once. */
  ec2: { maxInstances: number };
  /** API tasks. */
  api: {
    minTasks: number;
    maxTasks: number;
    /** Database connections of a task's pool. */
    poolMax: number;
    /** All database connections of a task: its pool, and the connection that plans reads. */
    connectionsPerTask: number;
  };
  /** Connections of the database. */
  database: {
    /** max_connections, from the configuration or RDS's formula for the class. */
    maxConnections: number;
    /** Connections available to the plan. */
    usable: number;
    /** Maximum connections per component: dispatcher, api, operations, glue, ec2. */
    parts: Record<string, number>;
    /** Their sum, never above `usable`. */
    total: number;
  };
}

/** Returns the DPUs in use when the maximum number of runs executes, one of them the larger run. */
export const dpusOf = ({ maxConcurrentRuns, dpuPerRun, largerDpu = dpuPerRun }: CapacityPlan["glue"]): number =>
  (maxConcurrentRuns - 1) * dpuPerRun + largerDpu;
