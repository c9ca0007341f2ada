import {
  type CapacityPlan,
  CONNECTIONS_PER,
  DEPLOYMENT,
  EVENTS,
  LEAST_EXECUTIONS,
  MOST_EXECUTIONS,
  WAKEUPS,
} from "../../infra/limits/capacity.ts";
import { LIMITS } from "../../infra/limits/limits.ts";
import type { ConfigCheck, ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";
import { connectionsOfClass, largerDpu, vcpusOf } from "./plan.ts";
import { EPSILON, shortages } from "./usage.ts";

/** Connections left for people, migrations and monitoring. */
const OPERATIONS = 5;
/** Kept by Postgres for superusers (3) and by RDS for itself (2). */
const KEPT = 5;
/** Instances give 5 to 12 % less than the formula says, because it counts memory that the system has taken. */
const OBSERVED = 0.85;

/** A plan, or everything that does not fit: which limit, by how much, and what to change. */
export type Capacity = { plan: CapacityPlan; problems: [] } | { plan?: undefined; problems: ConfigProblem[] };

/**
 * Divides what a stack may have of its account's quotas and all of its database's connections. Glue runs and EC2
 * instances that the configuration does not number get what the others leave: half of the free connections each, more
 * where the other kind cannot use its half, and no more than the quotas allow. Takes what parseStackConfig has passed.
 */
export function planCapacity(config: StackConfig): Capacity {
  const { api, runners, quotas } = config;
  const dispatcher = planDispatcher(portion(quotas.lambdaConcurrency, quotas.share), reservable(config));
  const connections = connectionsOf(config);
  const fixed = {
    dispatcher: dispatcher.connections,
    api: (api.poolMax + CONNECTIONS_PER.apiPlanning) * api.maxTasks * DEPLOYMENT,
    operations: OPERATIONS,
  };
  const { runs, instances } = planRunners(config, connections.usable - sum(fixed));
  const larger = largerDpu(config);
  const parts = {
    ...fixed,
    glue: runs * CONNECTIONS_PER.glueRun,
    ec2: instances * CONNECTIONS_PER.ec2Instance,
  };
  const database = { ...connections, parts, total: sum(parts) };
  const plan: CapacityPlan = {
    dispatcher,
    glue: {
      maxConcurrentRuns: runs,
      dpuPerRun: runners.glue.dpu,
      ...(larger === undefined ? {} : { largerDpu: larger }),
    },
    ec2: { maxInstances: instances },
    api: { minTasks: api.minTasks, maxTasks: api.maxTasks, poolMax: api.poolMax },
    database,
  };
  const problems = shortages(config, plan);
  return problems.length > 0 ? { problems } : { plan, problems: [] };
}

/** Counts the account's quotas and the database's connections for a configuration that has problems elsewhere. */
export const capacityCheck: ConfigCheck = {
  reads: [
    "account.region",
    "api.maxTasks",
    "api.minTasks",
    "api.poolMax",
    "api.taskVcpus",
    "database.instanceClass",
    "database.maxConnections",
    "jobs.readsOnEc2",
    "network.cidr",
    "network.zones",
    "quotas",
    "runners.ec2.instanceType",
    "runners.ec2.maxInstances",
    "runners.ec2.spot",
    "runners.glue.dpu",
    "runners.glue.maxRuns",
  ],
  problemsOf: (config) => planCapacity(config).problems,
};

/** Executions that may be reserved, after those that AWS keeps for functions without a reservation. */
const reservable = ({ quotas }: StackConfig) =>
  portion(Math.max(0, quotas.lambdaConcurrency - LIMITS.lambdaUnreserved.value), quotas.share);

function planDispatcher(executions: number, reservable: number): CapacityPlan["dispatcher"] {
  // Without a reservation state changes are held back by nothing but the stack's part of the account.
  if (reservable < LEAST_EXECUTIONS)
    return {
      reservedConcurrency: undefined,
      eventSourceConcurrency: LIMITS.eventSourceConcurrencyMin.value,
      wakeupConcurrency: WAKEUPS,
      connections: executions * CONNECTIONS_PER.dispatcher,
    };
  const reservedConcurrency = Math.min(reservable, MOST_EXECUTIONS);
  return {
    reservedConcurrency,
    eventSourceConcurrency: reservedConcurrency - WAKEUPS - EVENTS,
    wakeupConcurrency: WAKEUPS,
    connections: reservedConcurrency * CONNECTIONS_PER.dispatcher,
  };
}

/** Runs and instances; one at least of each, so that a shortage shows as a limit that is exceeded. */
function planRunners(config: StackConfig, connections: number): { runs: number; instances: number } {
  const { quotas, runners } = config;
  const { share } = quotas;
  const { glueRun, ec2Instance } = CONNECTIONS_PER;
  const { maxRuns } = runners.glue;
  const { maxInstances } = runners.ec2;
  const runRoom = Math.min(
    portion(quotas.glueRuns, share),
    LIMITS.glueRunsPerJob.value,
    portion(quotas.glueDpus / runners.glue.dpu, share, (largerDpu(config) ?? runners.glue.dpu) / runners.glue.dpu - 1),
  );
  const instanceRoom = portion(quotas.ec2Vcpus / vcpusOf(config), share);
  const wanted = maxRuns === undefined ? Math.min(connections / 2, runRoom * glueRun) : maxRuns * glueRun;
  const instances = maxInstances ?? atLeastOne(Math.min(instanceRoom, (connections - wanted) / ec2Instance));
  const runs = maxRuns ?? atLeastOne(Math.min(runRoom, (connections - instances * ec2Instance) / glueRun));
  return { runs, instances };
}

function connectionsOf(config: StackConfig): { maxConnections: number; usable: number } {
  const set = config.database.maxConnections;
  const maxConnections = set ?? connectionsOfClass(config);
  return { maxConnections, usable: Math.floor(set ?? maxConnections * OBSERVED) - KEPT };
}

/** @param kept what is set aside of it */
const portion = (quota: number, share: number, kept = 0) => Math.floor(quota * share - kept + EPSILON);
const atLeastOne = (count: number) => Math.max(1, Math.floor(count));
const sum = (parts: Record<string, number>) => Object.values(parts).reduce((total, part) => total + part, 0);
