import { Metrics } from "@aws-lambda-powertools/metrics";
import { RUNNERS } from "../contract/states.ts";
import { type Metric, NAMESPACE, PLATFORM_METRICS, RUNNER_METRICS, readMetrics } from "../monitoring/metrics.ts";
import type { Database } from "../store/jobs.ts";

/** Minutes between two publications, the interval of the schedule. Events are counted over the same period. */
const INTERVAL_MINUTES = 1;

/**
 * Writes the database's metrics in CloudWatch's Embedded Metric Format: one line for the platform (dimension `service`)
 * and one per runner type (`service`, `runner`). `service` is the dispatcher function's name, unique in the account.
 * Metrics without a value are omitted.
 */
export async function emitMetrics(db: Database, service: string): Promise<void> {
  const { platform, ...runners } = await readMetrics(db, INTERVAL_MINUTES);
  const metrics = new Metrics({ namespace: NAMESPACE, serviceName: service });
  const emit = (definitions: Record<string, Metric>, values: Record<string, number | null>): void => {
    for (const [key, { name, unit }] of Object.entries(definitions)) {
      const value = values[key];
      if (typeof value === "number") metrics.addMetric(name, unit, value);
    }
    metrics.publishStoredMetrics();
  };
  emit(PLATFORM_METRICS, platform);
  for (const runner of RUNNERS) {
    metrics.addDimension("runner", runner);
    emit(RUNNER_METRICS, runners[runner]);
  }
}
