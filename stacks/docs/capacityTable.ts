import { shippedStacks } from "../planning/shipped.ts";

/** What each stack of ours may have at once, and the connections that come of it, as a table in Markdown. */
export function capacityTable(): string {
  const stacks = shippedStacks();
  const row = (title: string, cell: (of: (typeof stacks)[number]) => string | number) =>
    `| ${title} | ${stacks.map(cell).join(" | ")} |`;
  return [
    `| | ${stacks.map(({ stack }) => stack).join(" | ")} |`,
    `|---|${stacks.map(() => "---|").join("")}`,
    row("share of the account's quotas", ({ config }) => config.quotas.share),
    row("Glue runs at once, and DPUs each", ({ plan }) => `${plan.glue.maxConcurrentRuns} × ${plan.glue.dpuPerRun}`),
    row("EC2 runners at once", ({ plan, config }) => `${plan.ec2.maxInstances} × ${config.runners.ec2.instanceType}`),
    row("dispatcher executions reserved", ({ plan }) => plan.dispatcher.reservedConcurrency ?? "none"),
    row("requests taken at once", ({ plan }) => plan.dispatcher.eventSourceConcurrency),
    row(
      "API tasks, and connections each",
      ({ plan }) => `${plan.api.minTasks} to ${plan.api.maxTasks} × ${plan.api.poolMax}`,
    ),
    row("connections that can be counted on", ({ plan }) => plan.database.usable),
    row("connections at most", ({ plan: { database } }) => {
      const parts = Object.entries(database.parts).map(([part, connections]) => `${part} ${connections}`);
      return `${database.total}: ${parts.join(", ")}`;
    }),
  ].join("\n");
}
