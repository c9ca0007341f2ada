import type * as pulumi from "@pulumi/pulumi";
import type { RunnerType } from "../../runtime/contract/states.ts";
import type { CapacityPlan } from "../limits/capacity.ts";
import type { DimensionsOf } from "./metrics.ts";

/** Components to monitor: their names in CloudWatch and their sizes. */
export interface MonitoringTargets {
  /** Planned maximums: lines in the dashboard and thresholds of alarms. */
  readonly plan: CapacityPlan;
  /** Names of queues. */
  readonly queues: {
    readonly requests: pulumi.Input<string>;
    readonly wakeups: pulumi.Input<string>;
    readonly deadLetters: pulumi.Input<string>;
    /** Response queue of tenants without their own. */
    readonly responses: pulumi.Input<string>;
    /** Response queue per tenant. */
    readonly tenants: Readonly<Record<string, pulumi.Input<string>>>;
  };
  /** Retention of responses in days. */
  readonly responseDays: number;
  /** Name and timeout of the dispatcher function. */
  readonly dispatcher: { readonly functionName: pulumi.Input<string>; readonly timeoutSeconds: number };
  /** Identifier of the RDS instance, and its storage in GiB. */
  readonly database: { readonly identifier: pulumi.Input<string>; readonly storageGb: number };
  /** Load balancer and target group by the suffixes of their ARNs (`arnSuffix`), ECS cluster and service by name. */
  readonly api: {
    readonly loadBalancer: pulumi.Input<string>;
    readonly targetGroup: pulumi.Input<string>;
    readonly cluster: pulumi.Input<string>;
    readonly service: pulumi.Input<string>;
  };
  /** The OpenSearch domain, if the stack has one: `nodes` includes dedicated masters, `storageGb` is per data node. */
  readonly tracking?: {
    readonly domainName: pulumi.Input<string>;
    readonly nodes: number;
    readonly storageGb: number;
  };
  /** Default time limit of a job in seconds; an alarm is raised when a job waits longer for a run. */
  readonly jobSeconds: number;
  /** Memory in bytes of a run per runner type. */
  readonly runMemory: Readonly<Record<RunnerType, number>>;
  /** Id of the AWS account: 12 digits. */
  readonly accountId: string;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /** Monthly budget in US dollars. */
  readonly monthlyUsd: number;
}

/** Returns the maximum number of concurrent runs of a runner type. */
export const slotsOf = ({ plan }: MonitoringTargets, runner: RunnerType): number =>
  runner === "glue" ? plan.glue.maxConcurrentRuns : plan.ec2.maxInstances;

/** Returns the dimensions of each component's metrics. */
export const subjects = (targets: MonitoringTargets) => {
  const { queues, dispatcher, database, api, accountId } = targets;
  const queue = (QueueName: pulumi.Input<string>): DimensionsOf<"queue"> => ({ QueueName });
  const service = dispatcher.functionName;
  const balancer: DimensionsOf<"balancer"> = { LoadBalancer: api.loadBalancer };
  return {
    requests: queue(queues.requests),
    wakeups: queue(queues.wakeups),
    deadLetters: queue(queues.deadLetters),
    /** Every response queue, with the suffix of its alarm's key and its display name. */
    responses: [
      { suffix: "", label: "tenants without a queue", dimensions: queue(queues.responses) },
      ...Object.entries(queues.tenants).map(([tenant, name]) => ({
        suffix: `-${tenant}`,
        label: `tenant ${tenant}`,
        dimensions: queue(name),
      })),
    ],
    dispatcher: { FunctionName: dispatcher.functionName } satisfies DimensionsOf<"function">,
    platform: { service } satisfies DimensionsOf<"platform">,
    runner: (runner: RunnerType): DimensionsOf<"runner"> => ({ service, runner }),
    database: { DBInstanceIdentifier: database.identifier } satisfies DimensionsOf<"database">,
    balancer,
    targets: { TargetGroup: api.targetGroup, ...balancer } satisfies DimensionsOf<"targets">,
    api: { ClusterName: api.cluster, ServiceName: api.service } satisfies DimensionsOf<"service">,
    domain: (DomainName: pulumi.Input<string>): DimensionsOf<"domain"> => ({ DomainName, ClientId: accountId }),
    account: { Currency: "USD" } satisfies DimensionsOf<"account">,
  };
};
