import { PLANNING_CONNECTIONS } from "../runtime/jobs/database.ts";
import { isEc2Type, isRdsClass, subnetPrefix, vpcPrefix } from "./checks.ts";
import { EC2_TYPES, GLUE_DPU_SIZES, LIMITS, RDS_CLASSES } from "./limits.ts";
import type { StackConfig } from "./schema.ts";

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

/** max_connections of an instance class by RDS's formula: LEAST(memory / 9531392, 5000). */
export function connectionsOfClass({ database: { instanceClass } }: StackConfig): number {
  if (!isRdsClass(instanceClass)) return unchecked("database.instanceClass", instanceClass);
  const { memoryBytes } = RDS_CLASSES[instanceClass];
  return Math.min(Math.floor(memoryBytes / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
}

/**
 * DPUs of a larger Glue run, in which a read that ran out of memory is done again; undefined where such a read goes to EC2, or
 * where there is nothing larger. One is there at a time (db/functions/jobs/plan_larger.sql).
 */
export function largerDpu({ runners: { glue }, jobs }: StackConfig): number | undefined {
  return jobs.readsOnEc2 ? undefined : GLUE_DPU_SIZES.find(({ dpu }) => dpu > glue.dpu)?.dpu;
}

/** DPUs that so many runs take at most, one of them the larger one. */
export const dpusOf = ({ maxConcurrentRuns, dpuPerRun, largerDpu = dpuPerRun }: CapacityPlan["glue"]): number =>
  (maxConcurrentRuns - 1) * dpuPerRun + largerDpu;

/** vCPUs of one EC2 runner. */
export function vcpusOf({ runners: { ec2 } }: StackConfig): number {
  return isEc2Type(ec2.instanceType)
    ? EC2_TYPES[ec2.instanceType].vcpus
    : unchecked("runners.ec2.instanceType", ec2.instanceType);
}

/** Bytes of memory that a run of each kind has. */
export function memoryOf({ runners: { glue, ec2 } }: StackConfig): { glue: number; ec2: number } {
  const size = GLUE_DPU_SIZES.find(({ dpu }) => dpu === glue.dpu);
  return {
    glue: size?.memoryBytes ?? unchecked("runners.glue.dpu", String(glue.dpu)),
    ec2: isEc2Type(ec2.instanceType)
      ? EC2_TYPES[ec2.instanceType].memoryBytes
      : unchecked("runners.ec2.instanceType", ec2.instanceType),
  };
}

/** Addresses of all private subnets that AWS leaves to us. */
export function addressesOf({ network: { cidr, zones } }: StackConfig): number {
  const prefix = vpcPrefix(cidr) ?? unchecked("network.cidr", cidr);
  return zones.length * (2 ** (32 - subnetPrefix(prefix, zones.length)) - LIMITS.subnetReserved.value);
}

function unchecked(key: string, value: string): never {
  throw new Error(`${key} '${value}' was not checked: plan what parseStackConfig has passed.`);
}
