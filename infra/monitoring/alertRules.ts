import type { Alarm } from "./alarm.ts";
import { alarmsOf } from "./alarms.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";
import { watchedQuery } from "./queries.ts";

/** A rule of Prometheus's (Prometheus documentation, alerting rules). */
interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A file of rules. */
export interface RuleFile {
  readonly groups: readonly {
    readonly name: string;
    readonly interval: string;
    readonly rules: readonly AlertRule[];
  }[];
}

/** The alarms of a stack as rules for Prometheus: those on figures that it has. */
export function alertRules(stack: string, watched: MonitoringTargets): RuleFile {
  const rules = alarmsOf(watched).flatMap((alarm) => {
    const query = watchedQuery(alarm, watched);
    return query === undefined ? [] : [ruleOf(stack, alarm, query)];
  });
  return { groups: [{ name: `rates-${stack}`, interval: "1m", rules }] };
}

/** Keys of alarms that only CloudWatch has, since their figures are AWS's own. */
export const cloudWatchOnly = (watched: MonitoringTargets): string[] =>
  alarmsOf(watched)
    .filter((alarm) => watchedQuery(alarm, watched) === undefined)
    .map(({ key }) => key);

/** As CloudWatch has it: so many of the last so many minutes are over the threshold. */
function ruleOf(
  stack: string,
  { key, summary, action, comparison, threshold, minutes, missingData }: Alarm,
  query: string,
): AlertRule {
  const [over, of] = minutes;
  const isOver = `(${query}) ${comparison} bool ${threshold}`;
  const minute = missingData === "breaching" ? `${isOver} or vector(1)` : isOver;
  return {
    alert: key.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    expr: `sum_over_time((${minute})[${of}m:1m]) >= ${over}`,
    labels: { stack },
    annotations: { summary, description: action },
  };
}
