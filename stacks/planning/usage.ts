import { type CapacityPlan, DEPLOYMENT_TASK_FACTOR, dpusOf, MIN_EXECUTIONS } from "../../infra/limits/capacity.ts";
import { LIMITS, type Limit } from "../../infra/limits/limits.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";
import { addressesOf, connectionsOfClass, vcpusOf } from "./plan.ts";

/** Private addresses per zone for load balancer (8), endpoints, Lambda, database and search domain. */
const SERVICE_ADDRESSES = 24;
/** Precision of sums of fractions of a DPU. */
export const EPSILON = 1e-9;

/** Lists every exceeded limit of a plan, with the excess and the remedy. */
export const shortages = (config: StackConfig, plan: CapacityPlan): ConfigProblem[] =>
  quotaUsageOf(config, plan).flatMap(shortage);

/** A plan's use of one limit, and the message if it exceeds the limit. */
export interface QuotaUsage {
  /** The limit. */
  id:
    | "dispatcherExecutions"
    | "glueRuns"
    | "glueRunsPerJob"
    | "glueDpus"
    | "ec2Vcpus"
    | "fargateVcpus"
    | "rdsInstances"
    | "connections"
    | "addresses"
    | "maxConnections";
  key: string;
  value: unknown;
  used: number;
  limit: number;
  /** Unit and description of the use, which the message has after the number. */
  unit: string;
  /** Source of the limit. */
  from: string;
  remedy: string;
}

/**
 * AWS limits that `quotas.ec2Vcpus` represents: that of the runners' market (On-Demand or Spot), and of the one that
 * they fall back to.
 */
export const ec2Limits = ({ runners: { ec2 } }: StackConfig): readonly ("ec2Vcpus" | "ec2SpotVcpus")[] =>
  !ec2.spot ? ["ec2Vcpus"] : ec2.onDemandFallback ? ["ec2SpotVcpus", "ec2Vcpus"] : ["ec2SpotVcpus"];

/** Use of every limit that a plan could exceed. */
export function quotaUsageOf(config: StackConfig, plan: CapacityPlan): QuotaUsage[] {
  const { account, api, database, network, quotas, runners } = config;
  const { share } = quotas;
  const { maxConcurrentRuns: runs, dpuPerRun, largerDpu: larger } = plan.glue;
  const instances = plan.ec2.maxInstances;
  const vcpus = vcpusOf(config);
  const glue = { key: "runners.glue.maxRuns", value: runs, used: runs, unit: "runs" };
  const quota = (name: keyof StackConfig["quotas"]) => ({
    limit: quotas[name] * share,
    from: `quotas.${name} ${quotas[name]} × quotas.share ${share}`,
  });
  const raised = (names: keyof typeof LIMITS | readonly (keyof typeof LIMITS)[], why = "and enter it") => {
    const codes = [names].flat().map((name) => (LIMITS[name] as Limit).quota?.code);
    return `have ${codes.join(" and ")} raised in ${account.region} ${why}`;
  };
  // A share of 1 is the whole account and cannot grow.
  const more = share < 1 && "raise quotas.share";
  const usages: QuotaUsage[] = [
    {
      id: "dispatcherExecutions",
      key: "quotas.lambdaConcurrency",
      value: quotas.lambdaConcurrency,
      used: plan.dispatcher.reservedConcurrency ?? MIN_EXECUTIONS,
      unit: "executions for the dispatcher",
      ...quota("lambdaConcurrency"),
      remedy: anyOf(raised("lambdaConcurrency"), more),
    },
    { id: "glueRuns", ...glue, ...quota("glueRuns"), remedy: anyOf("lower it", raised("glueRuns"), more) },
    {
      id: "glueRunsPerJob",
      ...glue,
      limit: LIMITS.glueRunsPerJob.value,
      from: `AWS's maximum per job (${LIMITS.glueRunsPerJob.quota.code})`,
      remedy: "lower it",
    },
    {
      id: "glueDpus",
      ...glue,
      used: dpusOf(plan.glue),
      unit: `DPUs (runners.glue.dpu ${dpuPerRun} each${larger === undefined ? "" : `, one at a time ${larger}`})`,
      ...quota("glueDpus"),
      remedy: anyOf("lower one of the two", raised("glueDpus"), more),
    },
    {
      id: "ec2Vcpus",
      key: "runners.ec2.maxInstances",
      value: instances,
      used: instances * vcpus,
      unit: `vCPUs (${vcpus} each of ${runners.ec2.instanceType})`,
      ...quota("ec2Vcpus"),
      remedy: anyOf("lower it", "use a smaller type", raised(ec2Limits(config)), more),
    },
    {
      id: "fargateVcpus",
      key: "api.maxTasks",
      value: api.maxTasks,
      used: api.maxTasks * api.taskVcpus * DEPLOYMENT_TASK_FACTOR,
      unit: `vCPUs (api.taskVcpus ${api.taskVcpus} each, ${DEPLOYMENT_TASK_FACTOR} times while deploying)`,
      ...quota("fargateVcpus"),
      remedy: anyOf("lower one of the two", raised("fargateVcpus"), more),
    },
    {
      // A database cannot be divided, so its quota is not multiplied by the share.
      id: "rdsInstances",
      key: "quotas.rdsInstances",
      value: quotas.rdsInstances,
      used: 1,
      unit: "instance",
      limit: quotas.rdsInstances,
      from: "the quota",
      remedy: raised("rdsInstances"),
    },
    {
      id: "connections",
      key: "database.instanceClass",
      value: database.instanceClass,
      used: plan.database.total,
      unit: `connections (${Object.entries(plan.database.parts)
        .map(([who, count]) => `${who} ${count}`)
        .join(", ")})`,
      limit: plan.database.usable,
      from: `the usable connections of max_connections ${plan.database.maxConnections}`,
      remedy: anyOf(
        "use a larger class",
        plan.dispatcher.reservedConcurrency === undefined &&
          raised("lambdaConcurrency", "so that the dispatcher's executions can be reserved"),
        plan.database.maxConnections < connectionsOfClass(config) && "raise database.maxConnections",
        "lower api.maxTasks, api.poolMax, runners.glue.maxRuns or runners.ec2.maxInstances",
      ),
    },
    {
      id: "addresses",
      key: "network.cidr",
      value: network.cidr,
      used: runs + instances + api.maxTasks * DEPLOYMENT_TASK_FACTOR + network.zones.length * SERVICE_ADDRESSES,
      unit: "private addresses for runs, instances, tasks and services",
      limit: addressesOf(config),
      from: "the addresses of its private subnets",
      remedy: "use a larger network, or lower runners.glue.maxRuns and runners.ec2.maxInstances",
    },
  ];
  if (database.maxConnections !== undefined)
    usages.push({
      id: "maxConnections",
      key: "database.maxConnections",
      value: database.maxConnections,
      used: database.maxConnections,
      unit: "connections",
      limit: connectionsOfClass(config),
      from: `what the memory of ${database.instanceClass} allows by RDS's formula`,
      remedy: "lower it, or use a larger class",
    });
  return usages;
}

function shortage({ key, value, used, limit, unit, from, remedy }: QuotaUsage): ConfigProblem[] {
  if (used <= limit + EPSILON) return [];
  const message = `needs ${rounded(used)} ${unit}, ${rounded(used - limit)} more than ${from} = ${rounded(limit)}: ${remedy}.`;
  return [{ key, value, message }];
}

/** Joins remedies: "a", "a, or b", "a, b, or c". */
function anyOf(...remedies: (string | false)[]): string {
  const all = remedies.filter((remedy) => remedy !== false);
  return [all.slice(0, -1).join(", "), ...all.slice(-1)].filter((text) => text !== "").join(", or ");
}

const rounded = (value: number) => String(Math.round(value * 10_000) / 10_000);
