import { type Alarm, LATE_MINUTES, MIN_FREE_STORAGE, NEARLY_FULL } from "./alarm.ts";
import { measure } from "./metrics.ts";
import { type MonitoringTargets, subjects } from "./monitoringTargets.ts";

/** Seconds within which 95 of 100 requests to the API should be answered: /rates takes milliseconds. */
const API_SECONDS = 1;
/** Percent of requests that may fail before somebody should look. */
const API_FAILURES = 1;
/** I/O operations a second of RDS's gp3 for Postgres, below 400 GiB and from there on (Amazon RDS User Guide of 2023-06, gp3 storage). */
export const diskLimit = ({ database: { storageGb } }: MonitoringTargets): number => (storageGb < 400 ? 3_000 : 12_000);

const GIB = 1_073_741_824;
const DAY = 86_400;

/** On the database, which everything else waits for. */
export function databaseAlarms(watched: MonitoringTargets): Alarm[] {
  const { database: by, platform } = subjects(watched);
  const { usable } = watched.plan.database;
  const { storageGb } = watched.database;
  const limit = diskLimit(watched);
  return [
    {
      key: "connections",
      summary: `More than ${100 * NEARLY_FULL} % of the ${usable} connections that the database can give are open.`,
      action:
        "The plan never adds up to more than all of them, so see who else connects (pg_stat_activity by usename); for more runs or tasks take a larger database.instanceClass.",
      metric: measure("connections", "Maximum", by),
      comparison: ">",
      threshold: Math.floor(NEARLY_FULL * usable),
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "database-cpu",
      summary: "The database's processors have been busy for a quarter of an hour: everything takes longer.",
      action:
        "See in CloudWatch Database Insights which statement it is. Fewer runs at once, or a larger database.instanceClass.",
      metric: measure("databaseCpu", "Average", by),
      comparison: ">",
      threshold: 90,
      minutes: [15, 15],
      missingData: "breaching",
    },
    {
      key: "database-storage",
      summary: `Less than ${100 * MIN_FREE_STORAGE} % of the database's ${storageGb} GiB are free. A batch takes about three times its size while it is loaded, and a full disk stops everything.`,
      action: "Raise database.storageGb now: storage grows without a pause, but only once in six hours.",
      metric: measure("databaseStorage", "Minimum", by),
      comparison: "<",
      threshold: MIN_FREE_STORAGE * storageGb * GIB,
      minutes: [5, 5],
      missingData: "breaching",
    },
    {
      key: "database-disk",
      summary: `The database's disk does nearly the ${limit} operations a second that it can.`,
      action:
        "See in CloudWatch Database Insights what reads or writes so much. More memory (database.instanceClass) saves reads; from 400 GiB on the disk can do four times as much.",
      metric: {
        expression: "reads + writes",
        of: { reads: measure("diskReads", "Average", by), writes: measure("diskWrites", "Average", by) },
      },
      comparison: ">",
      threshold: 0.9 * limit,
      minutes: [15, 15],
      missingData: "notBreaching",
    },
    {
      key: "locks",
      summary: "A database session has waited for another's lock for a minute or more, five minutes long.",
      action:
        "Two large batches for the same lanes take turns; that is meant. Otherwise find who holds it: pg_blocking_pids over pg_stat_activity.",
      metric: measure("oldestLockWait", "Maximum", platform),
      comparison: ">",
      threshold: 60,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
  ];
}

/** On responses: getting onto their queues, and being read from them. */
export function responseAlarms(watched: MonitoringTargets): Alarm[] {
  const { platform, responses } = subjects(watched);
  const half = watched.responseDays / 2;
  return [
    {
      key: "responses-unsent",
      summary: "Responses are written but do not get onto their queue. They are kept and sent later.",
      action:
        "See the sweep in the dispatcher's log: SQS refuses them (the queue's policy, its key) or cannot be reached.",
      metric: measure("oldestUnsent", "Minimum", platform),
      comparison: ">",
      threshold: LATE_MINUTES * 60,
      minutes: [3, 3],
      missingData: "notBreaching",
    },
    ...responses.map(
      ({ suffix, label, by }): Alarm => ({
        key: `responses-old${suffix}`,
        summary: `Responses for ${label} have not been read for ${half} days; SQS deletes them after ${watched.responseDays}.`,
        action: "Tell who reads that queue. What is deleted can be had again by sending the same request once more.",
        metric: measure("messageAge", "Maximum", by),
        comparison: ">",
        threshold: half * DAY,
        minutes: [LATE_MINUTES, LATE_MINUTES],
        missingData: "notBreaching",
      }),
    ),
  ];
}

/** On the HTTP API. */
export function apiAlarms(watched: MonitoringTargets): Alarm[] {
  const { balancer, targets, api } = subjects(watched);
  const { maxTasks } = watched.plan.api;
  return [
    {
      key: "api-slow",
      summary: `More than 5 of 100 HTTP requests take over ${API_SECONDS} s.`,
      action: "Compare with the database's processors and connections, then with the tasks' own; raise what is short.",
      metric: measure("apiTime", "p95", balancer),
      comparison: ">",
      threshold: API_SECONDS,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "api-failing",
      summary: `More than ${API_FAILURES} % of HTTP requests fail on our side.`,
      action: "Read the API's log for status 5xx. After a deployment, deploy the version before.",
      metric: {
        expression: "100 * (FILL(own, 0) + FILL(balancer, 0)) / requests",
        of: {
          own: measure("apiFailures", "Sum", balancer),
          balancer: measure("balancerFailures", "Sum", balancer),
          requests: measure("apiRequests", "Sum", balancer),
        },
      },
      comparison: ">",
      threshold: API_FAILURES,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "api-unhealthy",
      summary: "API tasks fail their health check and are replaced, again and again.",
      action: "See the stopped tasks' reasons in ECS and their log: start-up, memory, or no way to the database.",
      metric: measure("unhealthyTasks", "Maximum", targets),
      comparison: ">",
      threshold: 0,
      minutes: [10, 10],
      missingData: "notBreaching",
    },
    {
      key: "api-down",
      summary: "No API task is healthy: HTTP is down. Requests on the queue are served all the same.",
      action: "See the service's events in ECS, the image, and the tasks' log.",
      metric: measure("healthyTasks", "Maximum", targets),
      comparison: "<",
      threshold: 1,
      minutes: [3, 3],
      missingData: "breaching",
    },
    {
      key: "api-full",
      summary: `The API's processors have been busy for a quarter of an hour: ${maxTasks} tasks are not enough, or do not come.`,
      action:
        "Raise api.maxTasks or api.taskVcpus, as far as quotas.fargateVcpus and the database's connections allow.",
      metric: measure("apiCpu", "Average", api),
      comparison: ">",
      threshold: 85,
      minutes: [15, 15],
      missingData: "notBreaching",
    },
  ];
}

/** On search. For OpenSearch those that AWS recommends (Amazon OpenSearch Service Developer Guide, Recommended CloudWatch alarms). */
export function trackingAlarms(watched: MonitoringTargets): Alarm[] {
  const { platform, domain } = subjects(watched);
  const behind: Alarm = {
    key: "tracking-behind",
    summary: "Documents in the tracking store are older than their jobs: search and lists show the past. Jobs go on.",
    action: "See the projection in the dispatcher's log: the store is down, full, or refuses a document.",
    metric: measure("oldestBehind", "Minimum", platform),
    comparison: ">",
    threshold: 2 * LATE_MINUTES * 60,
    minutes: [LATE_MINUTES, LATE_MINUTES],
    missingData: "notBreaching",
  };
  if (!watched.tracking) return [behind];
  const { domainName, nodes, storageGb } = watched.tracking;
  const by = domain(domainName);
  const rebuild = "Nothing is lost: the documents can be written again from the jobs.";
  return [
    behind,
    {
      key: "opensearch-red",
      summary: `An index of OpenSearch has no copy left that answers: search fails. ${rebuild}`,
      action: "See the cluster's health; nodes come back by themselves. An index that does not is deleted and rebuilt.",
      metric: measure("searchRed", "Maximum", by),
      comparison: ">=",
      threshold: 1,
      minutes: [1, 1],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-blocked",
      summary: "OpenSearch takes no documents: its disks are full, or its memory is short. They wait in the database.",
      action: "Raise tracking.storageGb or tracking.instanceType, or keep documents for fewer data.retentionDays.",
      metric: measure("searchBlocked", "Maximum", by),
      comparison: ">=",
      threshold: 1,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-storage",
      summary: `A node of OpenSearch has less than ${100 * MIN_FREE_STORAGE} % of its ${storageGb} GiB left; soon it takes no documents.`,
      action: "Raise tracking.storageGb, or keep documents for fewer data.retentionDays.",
      metric: measure("searchStorage", "Minimum", by),
      comparison: "<",
      threshold: MIN_FREE_STORAGE * storageGb * 1_024,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-memory",
      summary: "A node of OpenSearch is about to run out of memory.",
      action: "Take a larger tracking.instanceType.",
      metric: measure("searchMemory", "Maximum", by),
      comparison: ">=",
      threshold: 95,
      minutes: [3, 3],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-nodes",
      summary: `Fewer than the ${nodes} nodes of OpenSearch have belonged to the cluster for half an hour.`,
      action: "A node that was lost is replaced by itself; one that is not is a case for AWS support.",
      metric: measure("searchNodes", "Minimum", by),
      comparison: "<",
      threshold: nodes,
      minutes: [30, 30],
      missingData: "breaching",
    },
  ];
}
