import type * as pulumi from "@pulumi/pulumi";
import type { RunnerType } from "../../runtime/contract/states.ts";
import type { CapacityPlan } from "../limits/capacity.ts";
import type { DimensionsOf } from "./metrics.ts";

/** What there is to watch: the parts by the names that CloudWatch knows them by, and the sizes they were given. */
export interface MonitoringTargets {
  /** How many of each thing there may be: the lines in the dashboard, and what alarms are measured against. */
  readonly plan: CapacityPlan;
  /** Names of queues. */
  readonly queues: {
    readonly requests: pulumi.Input<string>;
    readonly wakeups: pulumi.Input<string>;
    readonly deadLetters: pulumi.Input<string>;
    /** The response queue of tenants without one of their own. */
    readonly responses: pulumi.Input<string>;
    /** Tenant → its response queue. */
    readonly tenants: Readonly<Record<string, pulumi.Input<string>>>;
  };
  /** Days that a response waits for its reader. */
  readonly responseDays: number;
  readonly dispatcher: { readonly functionName: pulumi.Input<string>; readonly timeoutSeconds: number };
  readonly database: { readonly identifier: pulumi.Input<string>; readonly storageGb: number };
  /** Load balancer and target group by the suffixes of their ARNs (`arnSuffix`). */
  readonly api: {
    readonly loadBalancer: pulumi.Input<string>;
    readonly targetGroup: pulumi.Input<string>;
    readonly cluster: pulumi.Input<string>;
    readonly service: pulumi.Input<string>;
  };
  /** The OpenSearch domain, where there is one: `nodes` with its dedicated ones, `storageGb` of each data node. */
  readonly tracking?: {
    readonly domainName: pulumi.Input<string>;
    readonly nodes: number;
    readonly storageGb: number;
  };
  /** Seconds that a job has where it names none: what one may wait for a run before somebody should look. */
  readonly jobSeconds: number;
  /** Bytes of memory of a run of each kind. */
  readonly runMemory: Readonly<Record<RunnerType, number>>;
  readonly accountId: string;
  readonly region: string;
  /** US dollars a month. */
  readonly monthlyUsd: number;
}

/** The most runs of a kind at once. */
export const slotsOf = ({ plan }: MonitoringTargets, runner: RunnerType): number =>
  runner === "glue" ? plan.glue.maxConcurrentRuns : plan.ec2.maxInstances;

/** The parts as the dimensions of their figures. */
export const subjects = (watched: MonitoringTargets) => {
  const { queues, dispatcher, database, api, accountId } = watched;
  const queue = (QueueName: pulumi.Input<string>): DimensionsOf<"queue"> => ({ QueueName });
  const service = dispatcher.functionName;
  const balancer: DimensionsOf<"balancer"> = { LoadBalancer: api.loadBalancer };
  return {
    requests: queue(queues.requests),
    wakeups: queue(queues.wakeups),
    deadLetters: queue(queues.deadLetters),
    /** Every response queue, with what its alarm's key ends in and what people call it. */
    responses: [
      { suffix: "", label: "tenants without a queue", by: queue(queues.responses) },
      ...Object.entries(queues.tenants).map(([tenant, name]) => ({
        suffix: `-${tenant}`,
        label: `tenant ${tenant}`,
        by: queue(name),
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
