import { type CapacityPlan, dpusOf } from "../../infra/limits/capacity.ts";
import { DEDICATED_MASTERS, dedicatedMasterCount } from "../../infra/limits/dedicatedMasters.ts";
import {
  EC2_PRICES,
  FARGATE_PRICES,
  MONTH_HOURS,
  PRICED_REGION,
  PRICES,
  type Price,
  RDS_PRICES,
  SEARCH_PRICES,
} from "../../infra/limits/prices.ts";
import { counted } from "../../runtime/contract/counted.ts";
import { RUNNERS, type RunnerType } from "../../runtime/contract/states.ts";
import { PLATFORM_METRICS, RUNNER_METRICS } from "../../runtime/monitoring/metrics.ts";
import { isEc2Type, isRdsClass } from "../config/checks.ts";
import type { StackConfig } from "../config/schema.ts";

/** GB of memory per vCPU of an API task (infra/api.ts). */
const TASK_GB = 2;
/** Number of VPC endpoints per zone in a network without NAT (infra/network.ts). */
const ENDPOINTS = 14;
/** Number of alarms of every stack, without those of tenants' queues and OpenSearch (infra/monitoring/alarms.ts). */
const ALARMS = 31;
const SEARCH_ALARMS = 5;

/** Components of a stack, in the order of the cost table in stacks/README.md. */
export const COMPONENTS = ["database", "network", "api", "tracking", "monitoring", "glue", "ec2"] as const;
export type Component = (typeof COMPONENTS)[number];

/** One item of the cost. */
export interface CostItem {
  readonly component: Component;
  /** Name of the item, with its number and size. */
  readonly label: string;
  /** US dollars: per month for a fixed item, per hour for a usage item. */
  readonly usd: number;
}

/** Cost of a stack in US dollars without tax. */
export interface Cost {
  /** Fixed monthly cost. */
  readonly fixed: readonly CostItem[];
  /** Additional hourly cost while the stack's whole capacity is busy. */
  readonly usage: readonly CostItem[];
  readonly monthlyUsd: number;
  readonly hourlyUsd: number;
  /** Items without a known price, which the sums do not include. */
  readonly unpriced: readonly string[];
}

/**
 * Computes a stack's cost from its sizes, with the prices of eu-central-1. Traffic, requests, logs, objects in buckets
 * and backups beyond the database's size are not included, because they depend on use. Spot Instances are counted at
 * their maximum price, that of On-Demand Instances. Expects the result of planStack.
 */
export function costOf(config: StackConfig, plan: CapacityPlan): Cost {
  const unpriced: string[] =
    config.account.region === PRICED_REGION
      ? []
      : [`differences between ${config.account.region} and ${PRICED_REGION}`];
  const usdOf = (price: Price | undefined, label: string): number => {
    if (!price) unpriced.push(label);
    return price?.usd ?? 0;
  };
  const fixed = [
    ...databaseItems(config),
    ...networkItems(config),
    ...apiItems(config, plan),
    ...trackingItems(config, usdOf),
    ...monitoringItems(config),
  ];
  const usage = usageItems(config, plan);
  return { fixed, usage, monthlyUsd: sum(fixed), hourlyUsd: sum(usage), unpriced };
}

const sum = (items: readonly CostItem[]): number => items.reduce((total, { usd }) => total + usd, 0);
/** Returns the monthly cost of an hourly price. */
const monthly = (price: Price): number => price.usd * MONTH_HOURS;

function databaseItems({ database }: StackConfig): CostItem[] {
  const { instanceClass, storageGb, multiAz } = database;
  if (!isRdsClass(instanceClass)) throw new Error(`database.instanceClass '${instanceClass}' was not checked.`);
  const instances = multiAz ? 2 : 1;
  return [
    {
      component: "database",
      label: `${instances} × ${instanceClass}`,
      usd: instances * monthly(RDS_PRICES[instanceClass]),
    },
    {
      component: "database",
      label: `${instances} × ${storageGb} GiB`,
      usd: instances * storageGb * PRICES.databaseStorage.usd,
    },
    { component: "database", label: "secret with the master password", usd: PRICES.secret.usd },
  ];
}

function networkItems({ network: { nat, zones } }: StackConfig): CostItem[] {
  if (nat === "none")
    return [
      {
        component: "network",
        label: `${ENDPOINTS} endpoints in ${zones.length} zones`,
        usd: ENDPOINTS * zones.length * monthly(PRICES.endpoint),
      },
    ];
  const gateways = nat === "perZone" ? zones.length : 1;
  return [
    {
      component: "network",
      label: `${gateways} NAT ${gateways === 1 ? "gateway" : "gateways"}`,
      usd: gateways * (monthly(PRICES.natGateway) + monthly(PRICES.publicAddress)),
    },
  ];
}

/** Returns the hourly cost of an API task in US dollars. */
function taskUsdPerHour({ arch, api }: StackConfig): number {
  const { vcpu, gb } = FARGATE_PRICES[arch];
  return api.taskVcpus * (vcpu.usd + TASK_GB * gb.usd);
}

function apiItems(config: StackConfig, { api: { minTasks } }: CapacityPlan): CostItem[] {
  const { api, network } = config;
  const addresses = api.public ? network.zones.length : 0;
  return [
    {
      component: "api",
      label: `load balancer${addresses > 0 ? ` with ${addresses} public addresses` : ""}`,
      usd: monthly(PRICES.loadBalancer) + addresses * monthly(PRICES.publicAddress),
    },
    {
      component: "api",
      label: `${minTasks} × ${api.taskVcpus} vCPU, ${TASK_GB * api.taskVcpus} GiB`,
      usd: minTasks * taskUsdPerHour(config) * MONTH_HOURS,
    },
  ];
}

function trackingItems(
  { tracking }: StackConfig,
  usdOf: (price: Price | undefined, label: string) => number,
): CostItem[] {
  if (tracking.store !== "opensearch") return [];
  const { instanceType, instanceCount, storageGb } = tracking;
  const nodes = (count: number, type: string): CostItem => ({
    component: "tracking",
    label: `${count} × ${type}`,
    usd: count * usdOf(SEARCH_PRICES[type], type) * MONTH_HOURS,
  });
  const dedicatedMasters = dedicatedMasterCount(instanceCount);
  return [
    nodes(instanceCount, instanceType),
    ...(dedicatedMasters > 0 ? [nodes(dedicatedMasters, DEDICATED_MASTERS.instanceType)] : []),
    {
      component: "tracking",
      label: `${instanceCount} × ${storageGb} GiB`,
      usd: instanceCount * storageGb * PRICES.searchStorage.usd,
    },
  ];
}

function monitoringItems({ tenants, tracking }: StackConfig): CostItem[] {
  const alarms = ALARMS + tenants.length + (tracking.store === "opensearch" ? SEARCH_ALARMS : 0);
  const metrics = Object.keys(PLATFORM_METRICS).length + RUNNERS.length * Object.keys(RUNNER_METRICS).length;
  return [
    { component: "monitoring", label: `${alarms} alarms`, usd: alarms * PRICES.alarm.usd },
    { component: "monitoring", label: `${metrics} custom metrics`, usd: metrics * PRICES.metric.usd },
    { component: "monitoring", label: "dashboard and key", usd: PRICES.dashboard.usd + PRICES.key.usd },
  ];
}

/** Returns the hourly cost in US dollars of one run of each type, in its normal size. */
export function runUsd({ runners: { ec2 } }: StackConfig, { glue }: CapacityPlan): Record<RunnerType, number> {
  const { instanceType } = ec2;
  if (!isEc2Type(instanceType)) throw new Error(`runners.ec2.instanceType '${instanceType}' was not checked.`);
  return { glue: glue.dpuPerRun * PRICES.glue.usd, ec2: EC2_PRICES[instanceType].usd };
}

function usageItems(config: StackConfig, plan: CapacityPlan): CostItem[] {
  const { glue, ec2, api } = plan;
  const extraTasks = api.maxTasks - api.minTasks;
  return [
    {
      component: "glue",
      label: `${glue.maxConcurrentRuns} runs of ${glue.dpuPerRun} DPU${glue.largerDpu === undefined ? "" : `, one of ${glue.largerDpu}`}`,
      usd: dpusOf(glue) * PRICES.glue.usd,
    },
    {
      component: "ec2",
      label: `${ec2.maxInstances} × ${config.runners.ec2.instanceType}`,
      usd: ec2.maxInstances * runUsd(config, plan).ec2,
    },
    { component: "api", label: counted(extraTasks, "more task"), usd: extraTasks * taskUsdPerHour(config) },
  ];
}
