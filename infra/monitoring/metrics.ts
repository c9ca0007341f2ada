import type * as pulumi from "@pulumi/pulumi";
import {
  type Metric as Measured,
  NAMESPACE,
  PLATFORM_METRICS,
  RUNNER_METRICS,
} from "../../runtime/monitoring/metrics.ts";

/**
 * Every figure of the platform in CloudWatch, once: what a dashboard draws and what an alarm watches are keys of FIGURES.
 * Those that the platform measures itself come from runtime/monitoring/metrics.ts.
 */
export interface Metric {
  readonly namespace: string;
  /** The metric's name. */
  readonly metric: string;
  /** What it is a figure of. */
  readonly subject: Subject;
  readonly unit: "Count" | "Seconds" | "Milliseconds" | "Bytes" | "Megabytes" | "Percent" | "Count/Second" | "USD";
  readonly meaning: string;
}

/** Things that have figures, with the dimensions that tell one from another. */
export const SUBJECTS = {
  queue: ["QueueName"],
  function: ["FunctionName"],
  platform: ["service"],
  runner: ["service", "runner"],
  database: ["DBInstanceIdentifier"],
  balancer: ["LoadBalancer"],
  targets: ["TargetGroup", "LoadBalancer"],
  service: ["ClusterName", "ServiceName"],
  domain: ["DomainName", "ClientId"],
  account: ["Currency"],
} as const;
export type Subject = keyof typeof SUBJECTS;

/** One thing: the value of each dimension. */
export type DimensionsOf<S extends Subject> = Record<(typeof SUBJECTS)[S][number], pulumi.Input<string>>;

const of =
  <S extends Subject>(namespace: string, subject: S) =>
  <U extends Metric["unit"]>(metric: string, unit: U, meaning: string) => ({
    namespace,
    metric,
    subject,
    unit,
    meaning,
  });
const queue = of("AWS/SQS", "queue");
const lambda = of("AWS/Lambda", "function");
const rds = of("AWS/RDS", "database");
const balancer = of("AWS/ApplicationELB", "balancer");
const targets = of("AWS/ApplicationELB", "targets");
const ecs = of("AWS/ECS", "service");
const search = of("AWS/ES", "domain");

/** Ours, under their keys in runtime/monitoring/metrics.ts. */
const measured = <S extends Subject, K extends string>(subject: S, metrics: Record<K, Measured>) =>
  Object.fromEntries(
    Object.entries<Measured>(metrics).map(([key, { name, unit, meaning }]) => [
      key,
      { namespace: NAMESPACE, metric: name, subject, unit, meaning },
    ]),
  ) as Record<K, Metric & { readonly subject: S }>;

/** Figures by key: AWS's own (CloudWatch metrics of each service's guide), then the platform's. */
export const METRICS = {
  messageAge: queue("ApproximateAgeOfOldestMessage", "Seconds", "age of the oldest message that nobody has taken"),
  messagesSent: queue("NumberOfMessagesSent", "Count", "messages that came in"),
  messagesDeleted: queue("NumberOfMessagesDeleted", "Count", "messages that were dealt with"),
  messagesVisible: queue("ApproximateNumberOfMessagesVisible", "Count", "messages that wait"),
  messagesInFlight: queue("ApproximateNumberOfMessagesNotVisible", "Count", "messages that somebody works on"),

  invocations: lambda("Invocations", "Count", "times that the dispatcher ran"),
  invocationErrors: lambda("Errors", "Count", "invocations that failed as a whole"),
  invocationThrottles: lambda("Throttles", "Count", "invocations that the reserved concurrency refused"),
  invocationTime: lambda("Duration", "Milliseconds", "how long invocations took"),
  invocationsAtOnce: lambda("ConcurrentExecutions", "Count", "invocations at the same time"),

  connections: rds("DatabaseConnections", "Count", "open connections to the database"),
  databaseCpu: rds("CPUUtilization", "Percent", "the database's processors in use"),
  databaseStorage: rds("FreeStorageSpace", "Bytes", "storage that is left"),
  databaseMemory: rds("FreeableMemory", "Bytes", "memory that is left"),
  diskReads: rds("ReadIOPS", "Count/Second", "reads from disk"),
  diskWrites: rds("WriteIOPS", "Count/Second", "writes to disk"),
  diskQueue: rds("DiskQueueDepth", "Count", "reads and writes that wait for the disk"),
  diskReadTime: rds("ReadLatency", "Seconds", "how long a read from disk takes"),
  diskWriteTime: rds("WriteLatency", "Seconds", "how long a write to disk takes, the standby's included"),

  apiRequests: balancer("RequestCount", "Count", "HTTP requests"),
  apiTime: balancer("TargetResponseTime", "Seconds", "from request to the first byte of the API's answer"),
  apiFailures: balancer("HTTPCode_Target_5XX_Count", "Count", "answers of the API that say it failed"),
  balancerFailures: balancer("HTTPCode_ELB_5XX_Count", "Count", "requests that no task could answer"),
  healthyTasks: targets("HealthyHostCount", "Count", "API tasks that pass their health check"),
  unhealthyTasks: targets("UnHealthyHostCount", "Count", "API tasks that do not"),
  apiCpu: ecs("CPUUtilization", "Percent", "the API tasks' processors in use"),
  apiMemory: ecs("MemoryUtilization", "Percent", "the API tasks' memory in use"),

  searchRed: search("ClusterStatus.red", "Count", "1 while some index has no copy left that answers"),
  searchYellow: search("ClusterStatus.yellow", "Count", "1 while some index has lost a copy"),
  searchBlocked: search("ClusterIndexWritesBlocked", "Count", "1 while the domain takes no document"),
  searchStorage: search("FreeStorageSpace", "Megabytes", "storage that is left on a node"),
  searchMemory: search("JVMMemoryPressure", "Percent", "a node's heap in use"),
  searchCpu: search("CPUUtilization", "Percent", "a node's processors in use"),
  searchNodes: search("Nodes", "Count", "nodes that belong to the cluster"),
  searchTime: search("SearchLatency", "Milliseconds", "how long a shard takes to search"),

  charges: of("AWS/Billing", "account")(
    "EstimatedCharges",
    "USD",
    "what the account has cost this month; only where it receives billing alerts, and in us-east-1 alone",
  ),

  ...measured("platform", PLATFORM_METRICS),
  ...measured("runner", RUNNER_METRICS),
} as const satisfies Record<string, Metric>;
export type MetricKey = keyof typeof METRICS;

/** What a figure is a figure of. */
export type SubjectOf<K extends MetricKey> = (typeof METRICS)[K]["subject"];
/** The dimensions that a figure is asked for with. */
export type DimensionsFor<K extends MetricKey> = DimensionsOf<SubjectOf<K>>;

/** A figure of one thing, condensed over each period by a statistic: Sum, Average, Maximum, p95, … */
export type Measure = {
  readonly [K in MetricKey]: { readonly metric: K; readonly by: DimensionsFor<K>; readonly stat: string };
}[MetricKey];

/** A figure of one thing. */
export const measure = <K extends MetricKey>(figure: K, stat: string, by: DimensionsFor<K>): Measure =>
  ({ metric: figure, stat, by }) as Measure;
