import { LIMITS, RDS_CLASSES, type RdsClass } from "../../infra/limits/limits.ts";
import { shippedStacks } from "../planning/shipped.ts";
import { measuredSmallJob, smallJobCapacity, USED_SHARE } from "../planning/smallJobs.ts";

/** Returns a Markdown table of the planned maximums of each shipped stack and the resulting connections. */
export function capacityTable(): string {
  const stacks = shippedStacks();
  const row = (title: string, cell: (stack: (typeof stacks)[number]) => string | number) =>
    `| ${title} | ${stacks.map(cell).join(" | ")} |`;
  return [
    `| | ${stacks.map(({ stack }) => stack).join(" | ")} |`,
    `|---|${stacks.map(() => "---|").join("")}`,
    row("share of the account's quotas", ({ config }) => config.quotas.share),
    row(
      "concurrent Glue runs, and DPUs of each",
      ({ plan }) => `${plan.glue.maxConcurrentRuns} × ${plan.glue.dpuPerRun}`,
    ),
    row("concurrent EC2 runs", ({ plan, config }) => `${plan.ec2.maxInstances} × ${config.runners.ec2.instanceType}`),
    row("dispatcher executions reserved", ({ plan }) => plan.dispatcher.reservedConcurrency ?? "none"),
    row("requests processed at once", ({ plan }) => plan.dispatcher.eventSourceConcurrency),
    row(
      "API tasks, and connections of each",
      ({ plan }) => `${plan.api.minTasks} to ${plan.api.maxTasks} × ${plan.api.connectionsPerTask}`,
    ),
    row("usable connections", ({ plan }) => plan.database.usable),
    row("connections at most", ({ plan: { database } }) => {
      const parts = Object.entries(database.parts).map(([component, connections]) => `${component} ${connections}`);
      return `${database.total}: ${parts.join(", ")}`;
    }),
  ].join("\n");
}

/**
 * Returns a Markdown table of the small jobs per second of each instance class, below the measurement that it is
 * computed from.
 */
export function smallJobsTable(): string {
  const job = measuredSmallJob();
  const largeGb = LIMITS.rdsGp3LargeGb.value;
  const rows = (Object.keys(RDS_CLASSES) as RdsClass[]).map((name) => {
    const { processorLimit, commitLimit, baselinePerSecond } = smallJobCapacity(name, largeGb, job);
    const smallDisk = smallJobCapacity(name, largeGb - 1, job);
    return `| \`${name}\` | ${RDS_CLASSES[name].vcpus} | ${formatInteger(processorLimit)} | ${formatInteger(smallDisk.commitLimit)} | ${formatInteger(commitLimit)} | ${
      baselinePerSecond === undefined ? "" : formatInteger(baselinePerSecond)
    } |`;
  });
  return [
    `Measured on ${job.measuredOn} per small job: ${job.backendMs} ms of processor time of the database, ${job.commits} commits, ${job.rowVersions} row versions. Jobs per second by processor = vCPUs × 1,000 ms × ${USED_SHARE} ÷ ${job.backendMs} ms; by disk = I/O operations per second ÷ ${job.commits} commits. Without CPU credits, burstable classes have only a share of their processors, and the rate by processor is that share of it. ${USED_SHARE} is the share of the processors that small jobs may use; the rest is for \`/rates\`, autovacuum and peaks.`,
    "",
    `| instance class | vCPUs | by processor | by disk, under ${largeGb} GiB | by disk, from ${largeGb} GiB | without CPU credits |`,
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const formatInteger = (value: number) => Math.floor(value).toLocaleString("en");
