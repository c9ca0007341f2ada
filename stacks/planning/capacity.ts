import {
  type CapacityPlan,
  CONNECTION_FORMULA_FACTOR,
  CONNECTIONS_PER,
  DEPLOYMENT_TASK_FACTOR,
  EVENT_CONCURRENCY,
  MAX_EXECUTIONS,
  MIN_EXECUTIONS,
  OPERATOR_CONNECTIONS,
  RESERVED_CONNECTIONS,
  reservableExecutions,
  shareOf,
  WAKEUP_CONCURRENCY,
} from "../../infra/limits/capacity.ts";
import { LIMITS } from "../../infra/limits/limits.ts";
import type { ConfigCheck, ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";
import { connectionsOfClass, largerDpu, vcpusOf } from "./plan.ts";
import { shortages } from "./usage.ts";

/** A plan, or all exceeded limits with the excess and the remedy. */
export type Capacity = { plan: CapacityPlan; problems: [] } | { plan?: undefined; problems: ConfigProblem[] };

/**
 * Divides a stack's share of its account's quotas, and its database's connections. Without a configured number, Glue
 * runs and EC2 instances each get half of the remaining connections, or more if the other type cannot use its half. The
 * quotas limit both. Expects a configuration that parseStackConfig accepted.
 */
export function planCapacity(config: StackConfig): Capacity {
  const { api, runners, quotas } = config;
  const { lambdaConcurrency, share } = quotas;
  const dispatcher = planDispatcher(shareOf(lambdaConcurrency, share), reservableExecutions(lambdaConcurrency, share));
  const connections = connectionsOf(config);
  const connectionsPerTask = api.poolMax + CONNECTIONS_PER.apiPlanning;
  const fixed = {
    dispatcher: dispatcher.connections,
    api: connectionsPerTask * api.maxTasks * DEPLOYMENT_TASK_FACTOR,
    operations: OPERATOR_CONNECTIONS,
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
    api: { minTasks: api.minTasks, maxTasks: api.maxTasks, poolMax: api.poolMax, connectionsPerTask },
    database,
  };
  const problems = shortages(config, plan);
  return problems.length > 0 ? { problems } : { plan, problems: [] };
}

/** Checks the account's quotas and the database's connections, even if other fields of the configuration are invalid. */
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
    "runners.ec2.onDemandFallback",
    "runners.ec2.spot",
    "runners.glue.dpu",
    "runners.glue.maxRuns",
  ],
  problemsOf: (config) => planCapacity(config).problems,
};

function planDispatcher(executions: number, reservable: number): CapacityPlan["dispatcher"] {
  // Without reserved concurrency, only the account's quota limits invocations for state changes of runs. The plan
  // therefore has connections for the stack's whole share of that quota.
  if (reservable < MIN_EXECUTIONS)
    return {
      reservedConcurrency: undefined,
      eventSourceConcurrency: LIMITS.eventSourceConcurrencyMin.value,
      wakeupConcurrency: WAKEUP_CONCURRENCY,
      connections: executions * CONNECTIONS_PER.dispatcher,
    };
  const reservedConcurrency = Math.min(reservable, MAX_EXECUTIONS);
  return {
    reservedConcurrency,
    eventSourceConcurrency: reservedConcurrency - WAKEUP_CONCURRENCY - EVENT_CONCURRENCY,
    wakeupConcurrency: WAKEUP_CONCURRENCY,
    connections: reservedConcurrency * CONNECTIONS_PER.dispatcher,
  };
}

/** Returns the numbers of runs and instances: at least one each, so that a shortage appears as an exceeded limit. */
function planRunners(config: StackConfig, connections: number): { runs: number; instances: number } {
  const { quotas, runners } = config;
  const { share } = quotas;
  const { glueRun, ec2Instance } = CONNECTIONS_PER;
  const { maxRuns } = runners.glue;
  const { maxInstances } = runners.ec2;
  const runHeadroom = Math.min(
    shareOf(quotas.glueRuns, share),
    LIMITS.glueRunsPerJob.value,
    shareOf(quotas.glueDpus / runners.glue.dpu, share, (largerDpu(config) ?? runners.glue.dpu) / runners.glue.dpu - 1),
  );
  const instanceHeadroom = shareOf(quotas.ec2Vcpus / vcpusOf(config), share);
  const glueConnections = maxRuns === undefined ? Math.min(connections / 2, runHeadroom * glueRun) : maxRuns * glueRun;
  const instances =
    maxInstances ?? atLeastOne(Math.min(instanceHeadroom, (connections - glueConnections) / ec2Instance));
  const runs = maxRuns ?? atLeastOne(Math.min(runHeadroom, (connections - instances * ec2Instance) / glueRun));
  return { runs, instances };
}

function connectionsOf(config: StackConfig): { maxConnections: number; usable: number } {
  const configured = config.database.maxConnections;
  const maxConnections = configured ?? connectionsOfClass(config);
  return {
    maxConnections,
    usable: Math.floor(configured ?? maxConnections * CONNECTION_FORMULA_FACTOR) - RESERVED_CONNECTIONS,
  };
}

const atLeastOne = (count: number) => Math.max(1, Math.floor(count));
const sum = (parts: Record<string, number>) => Object.values(parts).reduce((total, part) => total + part, 0);
