import { type ConfigProblem, isEc2Type, isRdsClass, subnetPrefix, vpcPrefix } from "./checks.ts";
import { EC2_TYPES, LIMITS, type Limit, RDS_CLASSES } from "./limits.ts";
import type { StackConfig } from "./schema.ts";

/** Connections that one of each opens at most. */
export const CONNECTIONS_PER = {
  /** An invocation of the dispatcher: its pool, and a canceller (runtime/dispatcher). */
  dispatcher: 3,
  /** A Glue run: its work and its lease. */
  glueRun: 2,
  /** An EC2 runner: its work, its lease, and a canceller (runtime/runner). */
  ec2Instance: 3,
} as const;

/** Connections left for people, migrations and monitoring. */
const OPERATIONS = 5;
/** Kept by Postgres for superusers (3) and by RDS for itself (2). */
const KEPT = 5;
/** Instances give 5 to 12 % less than the formula says, because it counts memory that the system has taken. */
const OBSERVED = 0.85;
/** ECS has old and new tasks side by side while it deploys: infra/ sets deploymentMaximumPercent to 100 times this. */
export const DEPLOYMENT = 2;

/** Invocations for requests at most: each takes a batch of messages in milliseconds, and more would only wait in line. */
const REQUESTS_MAX = 10;
/** The wake-up queue's mapping gets as little as AWS takes: one wake-up serves all that waits. */
const WAKEUPS = LIMITS.eventSourceConcurrencyMin.value;
/** The schedule and the state changes of runs come without a mapping that holds them back. */
const EVENTS = 2;

/** Private addresses of a zone that load balancer (8), endpoints, Lambda, database and search domain may take. */
const SERVICE_ADDRESSES = 24;
/** Sums of fractions of a DPU are exact only to here. */
const EPSILON = 1e-9;

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
  glue: { maxConcurrentRuns: number; dpuPerRun: number };
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

/** A plan, or everything that does not fit: which limit, by how much, and what to change. */
export type Capacity = { plan: CapacityPlan; problems: [] } | { plan?: undefined; problems: ConfigProblem[] };

/**
 * Divides what a stack may have of its account's quotas and all of its database's connections. Glue runs and EC2
 * instances that the configuration does not number get what the others leave: half of the free connections each, more
 * where the other kind cannot use its half, and no more than the quotas allow. Takes what parseStackConfig has passed.
 */
export function planCapacity(config: StackConfig): Capacity {
  const { api, runners, quotas, share } = config;
  const dispatcher = planDispatcher(portion(quotas.lambdaConcurrency, share), reservable(config));
  const connections = connectionsOf(config);
  const fixed = {
    dispatcher: dispatcher.connections,
    api: api.poolMax * api.maxTasks * DEPLOYMENT,
    operations: OPERATIONS,
  };
  const { runs, instances } = planRunners(config, connections.usable - sum(fixed));
  const parts = {
    ...fixed,
    glue: runs * CONNECTIONS_PER.glueRun,
    ec2: instances * CONNECTIONS_PER.ec2Instance,
  };
  const database = { ...connections, parts, total: sum(parts) };
  const plan: CapacityPlan = {
    dispatcher,
    glue: { maxConcurrentRuns: runs, dpuPerRun: runners.glue.dpu },
    ec2: { maxInstances: instances },
    api: { minTasks: api.minTasks, maxTasks: api.maxTasks, poolMax: api.poolMax },
    database,
  };
  const problems = needsOf(config, plan).flatMap(shortage);
  return problems.length > 0 ? { problems } : { plan, problems: [] };
}

/** What a plan uses of a limit, and what to say if that is too much. */
interface Need {
  key: string;
  value: unknown;
  used: number;
  limit: number;
  /** What is used, read after key and value, with the figure's unit. */
  unit: string;
  /** Where the limit comes from. */
  from: string;
  remedy: string;
}

function needsOf(config: StackConfig, plan: CapacityPlan): Need[] {
  const { account, api, database, network, quotas, runners, share } = config;
  const { maxConcurrentRuns: runs, dpuPerRun } = plan.glue;
  const instances = plan.ec2.maxInstances;
  const vcpus = vcpusOf(config);
  const glue = { key: "runners.glue.maxRuns", value: runs, used: runs, unit: "runs" };
  const quota = (name: keyof StackConfig["quotas"]) => ({
    limit: quotas[name] * share,
    from: `quotas.${name} ${quotas[name]} × share ${share}`,
  });
  const raise = (name: keyof typeof LIMITS) => {
    const { quota }: Limit = LIMITS[name];
    return `have ${quota?.code} raised in ${account.region} and enter it, or raise share`;
  };
  const needs: Need[] = [
    {
      key: "quotas.lambdaConcurrency",
      value: quotas.lambdaConcurrency,
      used: plan.dispatcher.reservedConcurrency ?? LEAST_EXECUTIONS,
      unit: "executions for the dispatcher",
      ...quota("lambdaConcurrency"),
      remedy: raise("lambdaConcurrency"),
    },
    { ...glue, ...quota("glueRuns"), remedy: `lower it, ${raise("glueRuns")}` },
    {
      ...glue,
      limit: LIMITS.glueRunsPerJob.value,
      from: `what AWS gives one job (${LIMITS.glueRunsPerJob.quota.code})`,
      remedy: "lower it",
    },
    {
      ...glue,
      used: runs * dpuPerRun,
      unit: `DPUs (runners.glue.dpu ${dpuPerRun} each)`,
      ...quota("glueDpus"),
      remedy: `lower one of the two, ${raise("glueDpus")}`,
    },
    {
      key: "runners.ec2.maxInstances",
      value: instances,
      used: instances * vcpus,
      unit: `vCPUs (${vcpus} each of ${runners.ec2.instanceType})`,
      ...quota("ec2Vcpus"),
      remedy: `lower it, take a smaller type, ${raise(runners.ec2.spot ? "ec2SpotVcpus" : "ec2Vcpus")}`,
    },
    {
      key: "api.maxTasks",
      value: api.maxTasks,
      used: api.maxTasks * api.taskVcpus * DEPLOYMENT,
      unit: `vCPUs (api.taskVcpus ${api.taskVcpus} each, ${DEPLOYMENT} times while deploying)`,
      ...quota("fargateVcpus"),
      remedy: `lower one of the two, ${raise("fargateVcpus")}`,
    },
    {
      // A database cannot be shared out in parts, so its quota counts whole.
      key: "quotas.rdsInstances",
      value: quotas.rdsInstances,
      used: 1,
      unit: "instances",
      limit: quotas.rdsInstances,
      from: "the quota",
      remedy: raise("rdsInstances"),
    },
    {
      key: "database.instanceClass",
      value: database.instanceClass,
      used: plan.database.total,
      unit: `connections (${Object.entries(plan.database.parts)
        .map(([who, count]) => `${who} ${count}`)
        .join(", ")})`,
      limit: plan.database.usable,
      from: `what is usable of max_connections ${plan.database.maxConnections}`,
      remedy:
        "take a larger class, or lower api.maxTasks, api.poolMax, runners.glue.maxRuns or runners.ec2.maxInstances",
    },
    {
      key: "network.cidr",
      value: network.cidr,
      used: runs + instances + api.maxTasks * DEPLOYMENT + network.zones.length * SERVICE_ADDRESSES,
      unit: "private addresses for runs, instances, tasks and services",
      limit: addressesOf(config),
      from: "what its private subnets have",
      remedy: "take a larger network, or set runners.glue.maxRuns and runners.ec2.maxInstances lower",
    },
  ];
  if (database.maxConnections !== undefined)
    needs.push({
      key: "database.maxConnections",
      value: database.maxConnections,
      used: database.maxConnections,
      unit: "connections",
      limit: formula(config),
      from: `what the memory of ${database.instanceClass} carries by RDS's formula`,
      remedy: "lower it, or take a larger class",
    });
  return needs;
}

function shortage({ key, value, used, limit, unit, from, remedy }: Need): ConfigProblem[] {
  if (used <= limit + EPSILON) return [];
  const message = `needs ${figure(used)} ${unit}, ${figure(used - limit)} more than ${from} = ${figure(limit)}: ${remedy}.`;
  return [{ key, value, message }];
}

/** What the dispatcher cannot do without. */
const LEAST_EXECUTIONS = LIMITS.eventSourceConcurrencyMin.value + WAKEUPS + EVENTS;

/** Executions that may be reserved, after those that AWS keeps for functions without a reservation. */
const reservable = ({ quotas, share }: StackConfig) =>
  portion(Math.max(0, quotas.lambdaConcurrency - LIMITS.lambdaUnreserved.value), share);

function planDispatcher(executions: number, reservable: number): CapacityPlan["dispatcher"] {
  // Without a reservation state changes are held back by nothing but the stack's part of the account.
  if (reservable < LEAST_EXECUTIONS)
    return {
      reservedConcurrency: undefined,
      eventSourceConcurrency: LIMITS.eventSourceConcurrencyMin.value,
      wakeupConcurrency: WAKEUPS,
      connections: executions * CONNECTIONS_PER.dispatcher,
    };
  const reservedConcurrency = Math.min(reservable, REQUESTS_MAX + WAKEUPS + EVENTS);
  return {
    reservedConcurrency,
    eventSourceConcurrency: reservedConcurrency - WAKEUPS - EVENTS,
    wakeupConcurrency: WAKEUPS,
    connections: reservedConcurrency * CONNECTIONS_PER.dispatcher,
  };
}

/** Runs and instances; one at least of each, so that a shortage shows as a limit that is exceeded. */
function planRunners(config: StackConfig, connections: number): { runs: number; instances: number } {
  const { quotas, share, runners } = config;
  const { glueRun, ec2Instance } = CONNECTIONS_PER;
  const { maxRuns } = runners.glue;
  const { maxInstances } = runners.ec2;
  const runRoom = Math.min(
    portion(quotas.glueRuns, share),
    LIMITS.glueRunsPerJob.value,
    portion(quotas.glueDpus / runners.glue.dpu, share),
  );
  const instanceRoom = portion(quotas.ec2Vcpus / vcpusOf(config), share);
  const wanted = maxRuns === undefined ? Math.min(connections / 2, runRoom * glueRun) : maxRuns * glueRun;
  const instances = maxInstances ?? atLeastOne(Math.min(instanceRoom, (connections - wanted) / ec2Instance));
  const runs = maxRuns ?? atLeastOne(Math.min(runRoom, (connections - instances * ec2Instance) / glueRun));
  return { runs, instances };
}

function connectionsOf(config: StackConfig): { maxConnections: number; usable: number } {
  const set = config.database.maxConnections;
  const maxConnections = set ?? formula(config);
  return { maxConnections, usable: Math.floor(set ?? maxConnections * OBSERVED) - KEPT };
}

/** LEAST(memory / 9531392, 5000), the default of RDS's parameter groups for Postgres. */
function formula({ database: { instanceClass } }: StackConfig): number {
  if (!isRdsClass(instanceClass)) return unchecked("database.instanceClass", instanceClass);
  const { memoryBytes } = RDS_CLASSES[instanceClass];
  return Math.min(Math.floor(memoryBytes / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
}

function vcpusOf({ runners: { ec2 } }: StackConfig): number {
  return isEc2Type(ec2.instanceType)
    ? EC2_TYPES[ec2.instanceType].vcpus
    : unchecked("runners.ec2.instanceType", ec2.instanceType);
}

/** Addresses of all private subnets that AWS leaves to us. */
function addressesOf({ network: { cidr, zones } }: StackConfig): number {
  const prefix = vpcPrefix(cidr) ?? unchecked("network.cidr", cidr);
  return zones.length * (2 ** (32 - subnetPrefix(prefix, zones.length)) - LIMITS.subnetReserved.value);
}

function unchecked(key: string, value: string): never {
  throw new Error(`${key} '${value}' was not checked: plan what parseStackConfig has passed.`);
}

const portion = (quota: number, share: number) => Math.floor(quota * share + EPSILON);
const atLeastOne = (count: number) => Math.max(1, Math.floor(count));
const sum = (parts: Record<string, number>) => Object.values(parts).reduce((total, part) => total + part, 0);
const figure = (value: number) => String(Math.round(value * 10_000) / 10_000);
