import {
  type CapacityPlan,
  DEPLOYMENT_TASK_FACTOR,
  dpusOf,
  EPSILON,
  MIN_EXECUTIONS,
} from "../../infra/limits/capacity.ts";
import { LIMITS, type Limit } from "../../infra/limits/limits.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";
import { addressesOf, connectionsOfClass, vcpusOf } from "./plan.ts";

/** Private addresses per zone for load balancer (8), endpoints, Lambda, database and search domain. */
const SERVICE_ADDRESSES = 24;

/** Lists every exceeded limit of a plan, with the excess and the remedy. */
export const shortages = (config: StackConfig, plan: CapacityPlan): ConfigProblem[] =>
  quotaUsageOf(config, plan).flatMap(shortage);

/** A plan's use of one limit, and texts for the message about an excess. */
export interface QuotaUsage {
  /** Identifies the limit. */
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
  /** Unit and description of the use; follows the number in the message. */
  unit: string;
  /** Description of the limit and its origin. */
  source: string;
  remedy: string;
}

/**
 * AWS quotas that `quotas.ec2Vcpus` represents: the On-Demand quota, the Spot quota, or both for Spot with a fallback to
 * On-Demand.
 */
export const ec2Limits = ({ runners: { ec2 } }: StackConfig): readonly ("ec2Vcpus" | "ec2SpotVcpus")[] =>
  !ec2.spot ? ["ec2Vcpus"] : ec2.onDemandFallback ? ["ec2SpotVcpus", "ec2Vcpus"] : ["ec2SpotVcpus"];

/** Returns a plan's use of every limit that it could exceed. */
export function quotaUsageOf(config: StackConfig, plan: CapacityPlan): QuotaUsage[] {
  const { account, api, database, network, quotas, runners } = config;
  const { share } = quotas;
  const { maxConcurrentRuns: runs, dpuPerRun, largerDpu: larger } = plan.glue;
  const instances = plan.ec2.maxInstances;
  const vcpus = vcpusOf(config);
  const glue = { key: "runners.glue.maxRuns", value: runs, used: runs, unit: "runs" };
  const quota = (name: keyof StackConfig["quotas"]) => ({
    limit: quotas[name] * share,
    source: `quotas.${name} ${quotas[name]} × quotas.share ${share}`,
  });
  const request = (names: keyof typeof LIMITS | readonly (keyof typeof LIMITS)[], next?: string) => {
    const codes = [names].flat().map((name) => (LIMITS[name] as Limit).quota?.code);
    return `request ${codes.length > 1 ? "higher quotas" : "a higher quota"} ${codes.join(" and ")} in ${account.region} ${next ?? `and enter the ${codes.length > 1 ? "lower " : ""}granted value`}`;
  };
  // A share of 1 is the whole account and cannot grow.
  const raiseShare = share < 1 && "raise quotas.share";
  const usages: QuotaUsage[] = [
    {
      id: "dispatcherExecutions",
      key: "quotas.lambdaConcurrency",
      value: quotas.lambdaConcurrency,
      used: plan.dispatcher.reservedConcurrency ?? MIN_EXECUTIONS,
      unit: "executions for the dispatcher",
      ...quota("lambdaConcurrency"),
      remedy: anyOf(request("lambdaConcurrency"), raiseShare),
    },
    { id: "glueRuns", ...glue, ...quota("glueRuns"), remedy: anyOf("lower it", request("glueRuns"), raiseShare) },
    {
      id: "glueRunsPerJob",
      ...glue,
      limit: LIMITS.glueRunsPerJob.value,
      source: `AWS's maximum per job (${LIMITS.glueRunsPerJob.quota.code})`,
      remedy: "lower it",
    },
    {
      id: "glueDpus",
      ...glue,
      used: dpusOf(plan.glue),
      unit: `DPUs (runners.glue.dpu ${dpuPerRun} each${larger === undefined ? "" : `, and ${larger} for one run at a time`})`,
      ...quota("glueDpus"),
      remedy: anyOf("lower one of the two", request("glueDpus"), raiseShare),
    },
    {
      id: "ec2Vcpus",
      key: "runners.ec2.maxInstances",
      value: instances,
      used: instances * vcpus,
      unit: `vCPUs (${vcpus} per ${runners.ec2.instanceType})`,
      ...quota("ec2Vcpus"),
      remedy: anyOf("lower it", "use a smaller type", request(ec2Limits(config)), raiseShare),
    },
    {
      id: "fargateVcpus",
      key: "api.maxTasks",
      value: api.maxTasks,
      used: api.maxTasks * api.taskVcpus * DEPLOYMENT_TASK_FACTOR,
      unit: `vCPUs (api.taskVcpus ${api.taskVcpus} each, ${DEPLOYMENT_TASK_FACTOR} times while deploying)`,
      ...quota("fargateVcpus"),
      remedy: anyOf("lower one of the two", request("fargateVcpus"), raiseShare),
    },
    {
      // A database cannot be divided, so its quota is not multiplied by the share.
      id: "rdsInstances",
      key: "quotas.rdsInstances",
      value: quotas.rdsInstances,
      used: 1,
      unit: "instance",
      limit: quotas.rdsInstances,
      source: "the quota",
      remedy: request("rdsInstances"),
    },
    {
      id: "connections",
      key: "database.instanceClass",
      value: database.instanceClass,
      used: plan.database.total,
      unit: `connections (${Object.entries(plan.database.parts)
        .map(([component, count]) => `${component} ${count}`)
        .join(", ")})`,
      limit: plan.database.usable,
      source: `the usable connections of max_connections ${plan.database.maxConnections}`,
      remedy: anyOf(
        "use a larger class",
        plan.dispatcher.reservedConcurrency === undefined &&
          request("lambdaConcurrency", "so that the dispatcher's executions can be reserved"),
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
      source: "the addresses of the private subnets",
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
      source: `RDS's formula allows for the memory of ${database.instanceClass}`,
      remedy: "lower it, or use a larger class",
    });
  return usages;
}

function shortage({ key, value, used, limit, unit, source, remedy }: QuotaUsage): ConfigProblem[] {
  if (used <= limit + EPSILON) return [];
  const message = `needs ${rounded(used)} ${unit}, ${rounded(used - limit)} more than ${source} = ${rounded(limit)}: ${remedy}.`;
  return [{ key, value, message }];
}

/** Joins remedies: "a", "a, or b", "a, b, or c". */
function anyOf(...remedies: (string | false)[]): string {
  const possible = remedies.filter((remedy) => remedy !== false);
  return [possible.slice(0, -1).join(", "), ...possible.slice(-1)].filter((text) => text !== "").join(", or ");
}

const rounded = (value: number) => String(Math.round(value * 10_000) / 10_000);
