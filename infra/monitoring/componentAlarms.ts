import { LIMITS } from "../limits/limits.ts";
import { type Alarm, LATE_MINUTES, MIN_FREE_STORAGE, NEARLY_FULL } from "./alarm.ts";
import { measure } from "./metrics.ts";
import { type MonitoringTargets, subjects } from "./monitoringTargets.ts";

/** Maximum seconds for 95 of 100 API requests; /rates takes milliseconds. */
const API_SECONDS = 1;
/** CPU percent above which the database and the API count as overloaded. */
const MAX_CPU_PERCENT = { database: 90, api: 85 } as const;
/** Percent of failed requests above which an operator should investigate. */
const MAX_FAILED_PERCENT = 1;
/** Returns the baseline I/O operations per second of the database's gp3 storage. */
export const diskLimit = ({ database: { storageGb } }: MonitoringTargets): number =>
  (storageGb < LIMITS.rdsGp3LargeGb.value ? LIMITS.rdsGp3Iops : LIMITS.rdsGp3LargeIops).value;

const GIB = 1_073_741_824;

/** Alarms of the database. */
export function databaseAlarms(targets: MonitoringTargets): Alarm[] {
  const { database, platform } = subjects(targets);
  const { usable, total } = targets.plan.database;
  const maxConnections = Math.floor(NEARLY_FULL * usable);
  const { storageGb } = targets.database;
  const limit = diskLimit(targets);
  const [largeGb, largeLimit] = [LIMITS.rdsGp3LargeGb.value, LIMITS.rdsGp3LargeIops.value];
  return [
    {
      key: "connections",
      summary: `More than ${100 * NEARLY_FULL} % of the ${usable} usable database connections are open.`,
      action: `All components together open at most ${total}, ${
        total > maxConnections
          ? "so this is expected at full load. At a lower load, check for other clients"
          : "so check for other clients first"
      } (pg_stat_activity by usename). For more runs or tasks, use a larger database.instanceClass.`,
      metric: measure("connections", "Maximum", database),
      comparison: ">",
      threshold: maxConnections,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "database-cpu",
      summary: `The database's CPU has been above ${MAX_CPU_PERCENT.database} % for 15 minutes, which slows everything down.`,
      action:
        "Find the statement in CloudWatch Database Insights. Reduce simultaneous runs, or use a larger database.instanceClass.",
      metric: measure("databaseCpu", "Average", database),
      comparison: ">",
      threshold: MAX_CPU_PERCENT.database,
      minutes: [15, 15],
      missingData: "breaching",
    },
    {
      key: "database-storage",
      summary: `Less than ${100 * MIN_FREE_STORAGE} % of the database's ${storageGb} GiB are free. A batch takes about three times its size while it is loaded, and a full disk stops everything.`,
      action: "Raise database.storageGb now: storage grows without downtime, but only once every six hours.",
      metric: measure("databaseStorage", "Minimum", database),
      comparison: "<",
      threshold: MIN_FREE_STORAGE * storageGb * GIB,
      minutes: [5, 5],
      missingData: "breaching",
    },
    {
      key: "database-disk",
      summary: `The database's disk is close to its maximum of ${limit} operations per second.`,
      action: `Find the statement in CloudWatch Database Insights. More memory (database.instanceClass) saves reads${
        storageGb < largeGb ? `; a disk of ${largeGb} GiB or more has ${largeLimit / limit} times this maximum` : ""
      }.`,
      metric: {
        expression: "reads + writes",
        metrics: {
          reads: measure("diskReads", "Average", database),
          writes: measure("diskWrites", "Average", database),
        },
      },
      comparison: ">",
      threshold: 0.9 * limit,
      minutes: [15, 15],
      missingData: "notBreaching",
    },
    {
      key: "locks",
      summary:
        "In each of the last five minutes, a database session had been waiting for a lock for at least one minute.",
      action:
        "Two large batches for the same lanes run one after the other; that is expected. Otherwise find the holder: pg_blocking_pids over pg_stat_activity.",
      metric: measure("oldestLockWait", "Maximum", platform),
      comparison: ">",
      threshold: 60,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
  ];
}

/** Alarms of the HTTP API. */
export function apiAlarms(monitored: MonitoringTargets): Alarm[] {
  const { balancer, targets, api } = subjects(monitored);
  const { maxTasks } = monitored.plan.api;
  return [
    {
      key: "api-slow",
      summary: `More than 5 of 100 HTTP requests take over ${API_SECONDS} s.`,
      action: "Compare the CPU and connections of the database, then the CPU of the tasks; raise the one at its limit.",
      metric: measure("apiTime", "p95", balancer),
      comparison: ">",
      threshold: API_SECONDS,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "api-failing",
      summary: `More than ${MAX_FAILED_PERCENT} % of HTTP requests fail with 5xx.`,
      action: "Read the API's log for status 5xx. After a deployment, deploy the previous version.",
      metric: {
        expression: "100 * (FILL(own, 0) + FILL(balancer, 0)) / requests",
        metrics: {
          own: measure("apiFailures", "Sum", balancer),
          balancer: measure("balancerFailures", "Sum", balancer),
          requests: measure("apiRequests", "Sum", balancer),
        },
      },
      comparison: ">",
      threshold: MAX_FAILED_PERCENT,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "api-unhealthy",
      summary: "API tasks fail their health check and are replaced repeatedly.",
      action:
        "Read the tasks' stop reasons in ECS and their log: failed start-up, memory, or no route to the database.",
      metric: measure("unhealthyTasks", "Maximum", targets),
      comparison: ">",
      threshold: 0,
      minutes: [10, 10],
      missingData: "notBreaching",
    },
    {
      key: "api-down",
      summary: "No API task is healthy: HTTP is down. Requests on the queue are still processed.",
      action: "Read the service's events in ECS, the image, and the tasks' log.",
      metric: measure("healthyTasks", "Maximum", targets),
      comparison: "<",
      threshold: 1,
      minutes: [3, 3],
      missingData: "breaching",
    },
    {
      key: "api-full",
      summary: `The API's CPU has been above ${MAX_CPU_PERCENT.api} % for 15 minutes: ${maxTasks} tasks are not enough, or new ones do not start.`,
      action:
        "Raise api.maxTasks or api.taskVcpus, as far as quotas.fargateVcpus and the database's connections allow.",
      metric: measure("apiCpu", "Average", api),
      comparison: ">",
      threshold: MAX_CPU_PERCENT.api,
      minutes: [15, 15],
      missingData: "notBreaching",
    },
  ];
}

/**
 * Alarms of the tracking store. Those of OpenSearch are among the alarms that AWS recommends (Amazon OpenSearch Service
 * Developer Guide, Recommended CloudWatch alarms).
 */
export function trackingAlarms(targets: MonitoringTargets): Alarm[] {
  const { platform, domain } = subjects(targets);
  const unsynced: Alarm = {
    key: "tracking-behind",
    summary: "Documents in the tracking store are out of date, so search and job lists are too. Jobs keep running.",
    action: "Read the tracking errors in the dispatcher's log: the store is down, full, or refuses a document.",
    metric: measure("oldestBehind", "Minimum", platform),
    comparison: ">",
    threshold: 2 * LATE_MINUTES * 60,
    minutes: [LATE_MINUTES, LATE_MINUTES],
    missingData: "notBreaching",
  };
  if (!targets.tracking) return [unsynced];
  const { domainName, nodes, storageGb } = targets.tracking;
  const openSearch = domain(domainName);
  const rebuild = "Nothing is lost: all documents can be rebuilt from the jobs.";
  return [
    unsynced,
    {
      key: "opensearch-red",
      summary: `An OpenSearch index has no available copy: search fails. ${rebuild}`,
      action: "Check the cluster's health; nodes recover automatically. Delete and rebuild an index that stays red.",
      metric: measure("searchRed", "Maximum", openSearch),
      comparison: ">=",
      threshold: 1,
      minutes: [1, 1],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-blocked",
      summary:
        "OpenSearch accepts no documents because its disks or its memory are full. The documents wait in the database.",
      action: "Raise tracking.storageGb or tracking.instanceType, or keep documents for fewer data.retentionDays.",
      metric: measure("searchBlocked", "Maximum", openSearch),
      comparison: ">=",
      threshold: 1,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-storage",
      summary: `An OpenSearch node has less than ${100 * MIN_FREE_STORAGE} % of its ${storageGb} GiB left; when it is full, it accepts no documents.`,
      action: "Raise tracking.storageGb, or keep documents for fewer data.retentionDays.",
      metric: measure("searchStorage", "Minimum", openSearch),
      comparison: "<",
      threshold: MIN_FREE_STORAGE * storageGb * 1_024,
      minutes: [5, 5],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-memory",
      summary: "An OpenSearch node is running out of memory.",
      action: "Use a larger tracking.instanceType.",
      metric: measure("searchMemory", "Maximum", openSearch),
      comparison: ">=",
      threshold: 95,
      minutes: [3, 3],
      missingData: "notBreaching",
    },
    {
      key: "opensearch-nodes",
      summary: `The OpenSearch cluster has had fewer than its ${nodes} nodes for half an hour.`,
      action: "A lost node is replaced automatically; if it is not, contact AWS support.",
      metric: measure("searchNodes", "Minimum", openSearch),
      comparison: "<",
      threshold: nodes,
      minutes: [30, 30],
      missingData: "breaching",
    },
  ];
}
