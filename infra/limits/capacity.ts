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

/** Connections reserved for people, migrations and monitoring. */
export const OPERATOR_CONNECTIONS = 5;
/** Connections that Postgres reserves for superusers (3) and RDS for itself (2). */
export const RESERVED_CONNECTIONS = 5;
/**
 * Factor for RDS's formula of max_connections: real instances allow 5 to 12 % fewer connections, because the formula
 * counts memory that the operating system uses.
 */
export const CONNECTION_FORMULA_FACTOR = 0.85;

/**
 * Maximum number of tasks during a deployment, when old and new ones run together, as a multiple of the usual number.
 * ECS's deploymentMaximumPercent is 100 times this.
 */
export const DEPLOYMENT_TASK_FACTOR = 2;

/** Maximum concurrency of the wake-up queue: AWS's minimum, since one wake-up is enough for all waiting jobs. */
export const WAKEUP_CONCURRENCY = LIMITS.eventSourceConcurrencyMin.value;
/** Reserved concurrency for the schedule and for state changes of runs, which no event source mapping limits. */
export const EVENT_CONCURRENCY = 2;
/** Minimum concurrency that a dispatcher reserves. */
export const MIN_EXECUTIONS = LIMITS.eventSourceConcurrencyMin.value + WAKEUP_CONCURRENCY + EVENT_CONCURRENCY;

/** Maximum concurrency for requests. More would not help: an invocation accepts a batch in milliseconds. */
const MAX_REQUEST_CONCURRENCY = 10;
/** Maximum concurrency that the dispatcher can use. */
export const MAX_EXECUTIONS = MAX_REQUEST_CONCURRENCY + WAKEUP_CONCURRENCY + EVENT_CONCURRENCY;

/** Tolerance for rounding errors in products and sums of fractions, for example of a share or of DPUs. */
export const EPSILON = 1e-9;

/**
 * Returns a program's share of a quota, in whole units.
 *
 * @param reserved - Amount of the share that is not available.
 */
export const shareOf = (quota: number, share: number, reserved = 0): number =>
  Math.floor(quota * share - reserved + EPSILON);

/**
 * Returns the number of executions that a program's functions may reserve. AWS keeps 100 unreserved, once per account;
 * the programs share the others.
 */
export const reservableExecutions = (lambdaConcurrency: number, share: number): number =>
  shareOf(Math.max(0, lambdaConcurrency - LIMITS.lambdaUnreserved.value), share);

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
    /** DPUs of the larger run, at most one at a time; missing if reads that ran out of memory move to EC2 or fail. */
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

/** Returns the DPUs in use at the maximum number of runs, including the larger run if there is one. */
export const dpusOf = ({ maxConcurrentRuns, dpuPerRun, largerDpu = dpuPerRun }: CapacityPlan["glue"]): number =>
  (maxConcurrentRuns - 1) * dpuPerRun + largerDpu;
