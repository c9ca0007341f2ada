import { alarmsOf } from "../../infra/monitoring/alarms.ts";
import { monitoringTargetsOf } from "../monitoring/monitoringTargets.ts";
import { shippedStacks } from "../planning/shipped.ts";

/** Returns a Markdown table of all alarms, with the thresholds of prod. */
export function alarmsTable(): string {
  const prod = shippedStacks().find(({ stack }) => stack === "prod");
  if (prod === undefined) throw new Error("The shipped stack prod does not exist.");
  const rows = alarmsOf(monitoringTargetsOf(prod, ["TENANT"])).map(
    ({ key, summary, action, minutes: [datapoints, periods] }) => {
      const duration = periods === 1 ? "at once" : `${datapoints} of ${periods} minutes`;
      return `| \`${key}\` | ${duration} | ${summary} | ${action} |`;
    },
  );
  return ["| alarm | triggers after | meaning | what to do |", "|---|---|---|---|", ...rows].join("\n");
}
