import { PLATFORM_METRICS, RUNNER_METRICS } from "../../runtime/monitoring/metrics.ts";
import { prometheusName, prometheusType } from "../../runtime/monitoring/prometheus.ts";
import type { Alarm } from "./alarm.ts";
import type { Measure } from "./metrics.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";

/** Value of `job_name` in Prometheus's configuration for the API's processes. */
export const SCRAPE_JOB = "rates";

/** Age in seconds from which counters count as missing; usually they are one to two minutes old. */
const STALE_SECONDS = 300;

/**
 * Returns the PromQL of a measure; counts are per minute. Counters come from the database and are equal in all
 * processes, so the difference of two values is their growth between two scrapes.
 *
 * @returns undefined if only CloudWatch has the metric
 */
export function queryOf({ metric, stat, dimensions }: Measure, { queues }: MonitoringTargets): string | undefined {
  if (metric === "lockWaits" && stat === "SampleCount")
    return `count(rates_counted_age_seconds < ${STALE_SECONDS}) or vector(0)`;
  if (metric in PLATFORM_METRICS)
    return `max(${prometheusName(metric, PLATFORM_METRICS[metric as keyof typeof PLATFORM_METRICS])})`;
  if (metric in RUNNER_METRICS) {
    const definition = RUNNER_METRICS[metric as keyof typeof RUNNER_METRICS];
    const runner = "runner" in dimensions ? String(dimensions.runner) : "";
    return runnerQuery(prometheusName(metric, definition), prometheusType(definition), `{runner="${runner}"}`);
  }
  const requests = "rates_http_request_seconds";
  switch (metric) {
    case "messagesVisible": {
      const queue = "QueueName" in dimensions ? dimensions.QueueName : undefined;
      if (queue === queues.deadLetters) return "max(rates_dead_letters)";
      return queue === queues.requests ? "max(rates_requests_waiting)" : undefined;
    }
    case "connections":
      return "max(rates_database_sessions)";
    case "apiRequests":
      return `60 * sum(rate(${requests}_count[2m]))`;
    case "apiFailures":
      return `60 * (sum(rate(${requests}_count{status=~"5.."}[2m])) or vector(0))`;
    case "apiTime":
      return `histogram_quantile(${Number(stat.slice(1)) / 100}, sum by (le) (rate(${requests}_bucket[2m])))`;
    case "healthyTasks":
      return `sum(up{job="${SCRAPE_JOB}"}) or vector(0)`;
    case "unhealthyTasks":
      return `count(up{job="${SCRAPE_JOB}"} == 0) or vector(0)`;
    default:
      return undefined;
  }
}

function runnerQuery(name: string, type: ReturnType<typeof prometheusType>, labels: string): string {
  if (type === "gauge") return `max(${name}${labels})`;
  if (type === "histogram") {
    const buckets = `max by (le) (${name}_bucket${labels})`;
    const previous = `max by (le) (${name}_bucket${labels} offset 5m)`;
    return `histogram_quantile(0.95, ${buckets} - ${previous})`;
  }
  const previous = `sum(max by (type) (${name}${labels} offset 1m)) or vector(0)`;
  // A new type has no value a minute ago; a new Prometheus has no values at all.
  return `sum(max by (type) (${name}${labels})) - (${previous}) and on () max(rates_counted_age_seconds offset 1m)`;
}

/**
 * Translates a CloudWatch expression over other metrics to PromQL. FILL(x, 0) is x, or 0 without data.
 *
 * @returns undefined if a metric outside FILL is missing in Prometheus
 */
export function expressionQuery(
  expression: string,
  queries: Readonly<Record<string, string | undefined>>,
): string | undefined {
  let isComplete = true;
  const filled = expression.replaceAll(/FILL\((\w+), 0\)|[a-z]\w*/g, (name, inner?: string) => {
    const query = queries[inner ?? name];
    if (inner !== undefined) return query === undefined ? "0" : `(${query} or vector(0))`;
    if (query === undefined) isComplete = false;
    return `(${query})`;
  });
  return isComplete ? filled : undefined;
}

/** Returns the PromQL of an alarm's metric, without its threshold; undefined if only CloudWatch has the metric. */
export function alarmQuery({ metric }: Alarm, targets: MonitoringTargets): string | undefined {
  if (!("expression" in metric)) return queryOf(metric, targets);
  const queries = Object.entries(metric.metrics).map(([id, measure]) => [id, queryOf(measure, targets)] as const);
  return expressionQuery(metric.expression, Object.fromEntries(queries));
}
