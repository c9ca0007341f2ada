import type { Alarm } from "./alarm.ts";
import { alarmsOf } from "./alarms.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";
import { alarmQuery } from "./queries.ts";

/** An alerting rule of Prometheus (Prometheus documentation, alerting rules). */
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

/** Converts the alarms of a stack to rules for Prometheus, except those whose metrics only CloudWatch has. */
export function alertRules(stack: string, targets: MonitoringTargets): RuleFile {
  const rules = alarmsOf(targets).flatMap((alarm) => {
    const query = alarmQuery(alarm, targets);
    return query === undefined ? [] : [ruleOf(stack, alarm, query)];
  });
  return { groups: [{ name: `rates-${stack}`, interval: "1m", rules }] };
}

/** Returns the keys of alarms that only CloudWatch has, since only AWS measures their metrics. */
export const cloudWatchOnly = (targets: MonitoringTargets): string[] =>
  alarmsOf(targets)
    .filter((alarm) => alarmQuery(alarm, targets) === undefined)
    .map(({ key }) => key);

/** Creates a rule that fires as in CloudWatch: when enough of the last minutes breach the threshold. */
function ruleOf(
  stack: string,
  { key, summary, action, comparison, threshold, minutes, missingData }: Alarm,
  query: string,
): AlertRule {
  const [datapoints, periods] = minutes;
  const isBreaching = `(${query}) ${comparison} bool ${threshold}`;
  const perMinute = missingData === "breaching" ? `${isBreaching} or vector(1)` : isBreaching;
  return {
    alert: key.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    expr: `sum_over_time((${perMinute})[${periods}m:1m]) >= ${datapoints}`,
    labels: { stack },
    annotations: { summary, description: action },
  };
}
