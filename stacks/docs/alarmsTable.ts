import { DISPATCHER } from "../../infra/dispatcher.ts";
import { alarmsOf } from "../../infra/monitoring/alarms.ts";
import type { MonitoringTargets } from "../../infra/monitoring/monitoringTargets.ts";
import { memoryOf } from "../planning/plan.ts";
import { type Shipped, shippedStacks } from "../planning/shipped.ts";
import { RESPONSE_DAYS } from "../platform.ts";

/** Every alarm that some stack of ours has, as a table in Markdown; figures of sizes are those of prod. */
export function alarmsTable(): string {
  const prod = shippedStacks().find(({ stack }) => stack === "prod");
  if (prod === undefined) throw new Error("Pulumi.prod.yaml is not among the stacks that ship.");
  const rows = alarmsOf(watchedOf(prod)).map(({ key, summary: means, action, minutes: [over, of] }) => {
    const lasting = of === 1 ? "at once" : `${over} of ${of} minutes`;
    return `| \`${key}\` | ${lasting} | ${means} | ${action} |`;
  });
  return ["| alarm | goes off after | what it means | what to do |", "|---|---|---|---|", ...rows].join("\n");
}

/** A stack as its alarms see it, with one tenant that has a queue. Names of what is watched do not stand in the table. */
function watchedOf({ config, plan }: Shipped): MonitoringTargets {
  const name = "";
  const { tracking } = config;
  return {
    plan,
    queues: { requests: name, wakeups: name, deadLetters: name, responses: name, tenants: { TENANT: name } },
    responseDays: RESPONSE_DAYS,
    dispatcher: { functionName: name, timeoutSeconds: DISPATCHER.timeoutSeconds },
    database: { identifier: name, storageGb: config.database.storageGb },
    api: { loadBalancer: name, targetGroup: name, cluster: name, service: name },
    ...(tracking.store === "opensearch"
      ? { tracking: { domainName: name, nodes: tracking.instanceCount, storageGb: tracking.storageGb } }
      : {}),
    jobSeconds: config.jobs.timeoutSeconds,
    runMemory: memoryOf(config),
    accountId: config.account.id,
    region: config.account.region,
    monthlyUsd: config.budget.monthlyUsd,
  };
}
