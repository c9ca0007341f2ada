import type * as pulumi from "@pulumi/pulumi";
import {
  type Metric as Measured,
  NAMESPACE,
  PLATFORM_METRICS,
  RUNNER_METRICS,
} from "../../runtime/monitoring/metrics.ts";

/** A CloudWatch metric of the platform. */
export interface Metric {
  readonly namespace: string;
  /** Name of the metric. */
  readonly metric: string;
  /** Subject of the metric. */
  readonly subject: Subject;
  readonly unit: "Count" | "Seconds" | "Milliseconds" | "Bytes" | "Megabytes" | "Percent" | "Count/Second" | "USD";
  readonly meaning: string;
}

/** Subjects of metrics, with the dimensions that identify each. */
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

/** Values of the dimensions that identify one subject. */
export type DimensionsOf<S extends Subject> = Record<(typeof SUBJECTS)[S][number], pulumi.Input<string>>;

const metricsOf =
  <S extends Subject>(namespace: string, subject: S) =>
  <U extends Metric["unit"]>(metric: string, unit: U, meaning: string) => ({
    namespace,
    metric,
    subject,
    unit,
    meaning,
  });
const queue = metricsOf("AWS/SQS", "queue");
const lambda = metricsOf("AWS/Lambda", "function");
const rds = metricsOf("AWS/RDS", "database");
const balancer = metricsOf("AWS/ApplicationELB", "balancer");
const targets = metricsOf("AWS/ApplicationELB", "targets");
const ecs = metricsOf("AWS/ECS", "service");
const search = metricsOf("AWS/ES", "domain");

/** Converts the platform's own metrics; their keys are those of runtime/monitoring/metrics.ts. */
const ownMetrics = <S extends Subject, K extends string>(subject: S, metrics: Record<K, Measured>) =>
  Object.fromEntries(
    Object.entries<Measured>(metrics).map(([key, { name, unit, meaning }]) => [
      key,
      { namespace: NAMESPACE, metric: name, subject, unit, meaning },
    ]),
  ) as Record<K, Metric & { readonly subject: S }>;

/**
 * Metrics by key, each defined once for dashboard and alarms: AWS's own (each service's guide to CloudWatch metrics),
 * then the platform's (runtime/monitoring/metrics.ts).
 */
export const METRICS = {
  messageAge: queue("ApproximateAgeOfOldestMessage", "Seconds", "age of the oldest message in the queue"),
  messagesSent: queue("NumberOfMessagesSent", "Count", "messages received by the queue"),
  messagesDeleted: queue("NumberOfMessagesDeleted", "Count", "processed messages"),
  messagesVisible: queue("ApproximateNumberOfMessagesVisible", "Count", "waiting messages"),
  messagesInFlight: queue("ApproximateNumberOfMessagesNotVisible", "Count", "messages being processed"),

  invocations: lambda("Invocations", "Count", "invocations of the dispatcher"),
  invocationErrors: lambda("Errors", "Count", "failed invocations"),
  invocationThrottles: lambda("Throttles", "Count", "invocations refused for lack of concurrency"),
  invocationTime: lambda("Duration", "Milliseconds", "duration of invocations"),
  invocationsAtOnce: lambda("ConcurrentExecutions", "Count", "concurrent invocations"),

  connections: rds("DatabaseConnections", "Count", "open connections to the database"),
  databaseCpu: rds("CPUUtilization", "Percent", "CPU of the database"),
  databaseStorage: rds("FreeStorageSpace", "Bytes", "free storage"),
  databaseMemory: rds("FreeableMemory", "Bytes", "free memory"),
  diskReads: rds("ReadIOPS", "Count/Second", "reads from disk"),
  diskWrites: rds("WriteIOPS", "Count/Second", "writes to disk"),
  diskQueue: rds("DiskQueueDepth", "Count", "reads and writes waiting for the disk"),
  diskReadTime: rds("ReadLatency", "Seconds", "duration of a read from disk"),
  diskWriteTime: rds("WriteLatency", "Seconds", "duration of a write to disk, including the standby"),

  apiRequests: balancer("RequestCount", "Count", "HTTP requests"),
  apiTime: balancer("TargetResponseTime", "Seconds", "time from the request to the first byte of the API's response"),
  apiFailures: balancer("HTTPCode_Target_5XX_Count", "Count", "5xx responses of the API"),
  balancerFailures: balancer("HTTPCode_ELB_5XX_Count", "Count", "requests that no task could handle"),
  healthyTasks: targets("HealthyHostCount", "Count", "healthy API tasks"),
  unhealthyTasks: targets("UnHealthyHostCount", "Count", "API tasks that fail the health check"),
  apiCpu: ecs("CPUUtilization", "Percent", "CPU of the API tasks"),
  apiMemory: ecs("MemoryUtilization", "Percent", "memory of the API tasks"),

  searchRed: search("ClusterStatus.red", "Count", "1 while an index has no available copy"),
  searchYellow: search("ClusterStatus.yellow", "Count", "1 while an index lacks a copy"),
  searchBlocked: search("ClusterIndexWritesBlocked", "Count", "1 while the domain accepts no documents"),
  searchStorage: search("FreeStorageSpace", "Megabytes", "free storage of a node"),
  searchMemory: search("JVMMemoryPressure", "Percent", "a node's heap in use"),
  searchCpu: search("CPUUtilization", "Percent", "a node's CPU in use"),
  searchNodes: search("Nodes", "Count", "nodes in the cluster"),
  searchTime: search("SearchLatency", "Milliseconds", "duration of a shard's search"),

  charges: metricsOf("AWS/Billing", "account")(
    "EstimatedCharges",
    "USD",
    "cost of the account this month; only with billing alerts, and only in us-east-1",
  ),

  ...ownMetrics("platform", PLATFORM_METRICS),
  ...ownMetrics("runner", RUNNER_METRICS),
} as const satisfies Record<string, Metric>;
export type MetricKey = keyof typeof METRICS;

/** Subject of a metric. */
export type SubjectOf<K extends MetricKey> = (typeof METRICS)[K]["subject"];
/** Dimensions of a metric's subject. */
export type DimensionsFor<K extends MetricKey> = DimensionsOf<SubjectOf<K>>;

/** A metric of one subject with a statistic per period: Sum, Average, Maximum, p95, … */
export type Measure = {
  readonly [K in MetricKey]: { readonly metric: K; readonly dimensions: DimensionsFor<K>; readonly stat: string };
}[MetricKey];

/** Creates a measure; its type checks that the dimensions are those of the metric. */
export const measure = <K extends MetricKey>(metric: K, stat: string, dimensions: DimensionsFor<K>): Measure =>
  ({ metric, stat, dimensions }) as Measure;
