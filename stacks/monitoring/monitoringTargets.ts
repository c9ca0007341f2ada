import { DISPATCHER } from "../../infra/dispatcher.ts";
import { dedicatedMasterCount } from "../../infra/limits/dedicatedMasters.ts";
import type { MonitoringTargets } from "../../infra/monitoring/monitoringTargets.ts";
import { memoryOf } from "../planning/plan.ts";
import type { ShippedStack } from "../planning/shipped.ts";
import { RESPONSE_DAYS } from "../platform.ts";

/** Returns a stack's monitoring targets, with placeholders for names that a deployment generates. */
export function monitoringTargetsOf(
  { config, plan }: Pick<ShippedStack, "config" | "plan">,
  tenants: readonly string[],
): MonitoringTargets {
  const { tracking } = config;
  return {
    plan,
    queues: {
      ...{ requests: "requests", wakeups: "wakeups", deadLetters: "dead-letters", responses: "responses" },
      tenants: Object.fromEntries(tenants.map((tenant) => [tenant, `responses-${tenant}`])),
    },
    responseDays: RESPONSE_DAYS,
    dispatcher: { functionName: "dispatcher", timeoutSeconds: DISPATCHER.timeoutSeconds },
    database: { identifier: "database", storageGb: config.database.storageGb },
    api: { loadBalancer: "balancer", targetGroup: "targets", cluster: "api", service: "api" },
    ...(tracking.store === "opensearch"
      ? {
          tracking: {
            domainName: "search",
            nodes: tracking.instanceCount + dedicatedMasterCount(tracking.instanceCount),
            storageGb: tracking.storageGb,
          },
        }
      : {}),
    jobSeconds: config.jobs.timeoutSeconds,
    runMemory: memoryOf(config),
    accountId: config.account.id,
    region: config.account.region,
    monthlyUsd: config.budget.monthlyUsd,
  };
}
