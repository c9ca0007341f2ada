import { ERRORS } from "../contract/errors.ts";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import type { PlatformStatus } from "./activity.ts";
import { type Metric, PLATFORM_METRICS, RUNNER_METRICS, type RunnerMetric } from "./metrics.ts";
import { BUCKETS, type Total } from "./totals.ts";

/** A metric with its samples, in Prometheus's terms. */
export interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** One line: `<name><suffix>{labels} value`. */
interface Sample {
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Returns the Prometheus type of a metric: states and sizes are gauges, counted events are counters, durations are
 * histograms.
 */
export const prometheusType = ({ kind, unit }: Metric): Family["type"] =>
  kind === "state" || unit === "Bytes" ? "gauge" : unit === "Count" ? "counter" : "histogram";

const SUFFIXES = { Count: "", Seconds: "_seconds", Bytes: "_bytes" } as const;

/** Returns the name of a metric: `oldestWaiting` is rates_oldest_waiting_seconds, `lost` is rates_lost_total. */
export function prometheusName(key: string, metric: Metric): string {
  const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return `rates_${snake}${SUFFIXES[metric.unit]}${prometheusType(metric) === "counter" ? "_total" : ""}`;
}

/** Error types of the registry; all others are counted as Other, which bounds the number of label values. */
const TYPES: ReadonlySet<string> = new Set(Object.keys(ERRORS));

/** Metrics whose counters have the error type as a label. */
const BY_TYPE: ReadonlySet<RunnerMetric> = new Set(["failedByRequest", "failedByPlatform"]);

/** Inputs of the platform's metrics. */
export interface PlatformSnapshot {
  /** Current status, with the events of the last complete minute. */
  readonly status: PlatformStatus;
  readonly totals: readonly Total[];
  /** Seconds since the end of the last minute that `totals` includes. */
  readonly countersAgeSeconds: number;
  readonly slots: Readonly<Record<RunnerType, number>>;
  /** Approximate number of messages on the request queue; undefined if SQS did not respond. */
  readonly requests: number | undefined;
  /** Approximate number of dead letters; undefined if SQS did not respond. */
  readonly deadLetters: number | undefined;
}

/** Returns all metrics of the platform. They do not depend on the API process that returns them. */
export function platformFamilies(snapshot: PlatformSnapshot): Family[] {
  const { status, totals } = snapshot;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    ...{ name: `rates_${name}`, type: "gauge", help, samples },
  });
  const byRunner = (value: (runner: RunnerType) => number): Sample[] =>
    RUNNERS.map((runner) => ({ labels: { runner }, value: value(runner) }));
  const sampleIfKnown = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: {}, value }]);
  return [
    ...Object.entries<Metric>(RUNNER_METRICS).map(([key, metric]) => ({
      name: prometheusName(key, metric),
      type: prometheusType(metric),
      help: metric.meaning,
      samples: RUNNERS.flatMap((runner) => samplesOf(key as RunnerMetric, metric, runner, status, totals)),
    })),
    ...Object.entries<Metric>(PLATFORM_METRICS).map(([key, metric]) => ({
      name: prometheusName(key, metric),
      type: prometheusType(metric),
      help: metric.meaning,
      samples: sampleIfKnown(status.platform[key as keyof PlatformStatus["platform"]]),
    })),
    gauge(
      "working",
      "jobs in progress",
      byRunner((runner) => status.working[runner] ?? 0),
    ),
    gauge(
      "slots",
      "maximum concurrent runs",
      byRunner((runner) => snapshot.slots[runner]),
    ),
    gauge("requests_waiting", "approximate number of messages in the request queue", sampleIfKnown(snapshot.requests)),
    gauge(
      "dead_letters",
      "approximate number of messages in the dead-letter queue",
      sampleIfKnown(snapshot.deadLetters),
    ),
    gauge("database_sessions", "open database sessions", sampleIfKnown(status.database.connections)),
    gauge("database_sessions_limit", "maximum database sessions", sampleIfKnown(status.database.maxConnections)),
    gauge(
      "counted_age_seconds",
      "age of the counters: seconds since the end of the last minute that they include",
      sampleIfKnown(snapshot.countersAgeSeconds),
    ),
  ];
}

function samplesOf(
  key: RunnerMetric,
  metric: Metric,
  runner: RunnerType,
  status: PlatformStatus,
  totals: readonly Total[],
): Sample[] {
  const value = (metric: string, le: number) =>
    totals.find((total) => total.metric === metric && total.runner === runner && total.le === le)?.value ?? 0;
  const type = prometheusType(metric);
  if (type === "gauge") {
    const current = status[runner][key];
    return current === null ? [] : [{ labels: { runner }, value: current }];
  }
  if (type === "histogram") {
    const count = value(key, Number.POSITIVE_INFINITY);
    return [
      ...BUCKETS.map((le) => ({ suffix: "_bucket", labels: { runner, le: String(le) }, value: value(key, le) })),
      { suffix: "_bucket", labels: { runner, le: "+Inf" }, value: count },
      { suffix: "_sum", labels: { runner }, value: value(`${key}Sum`, Number.POSITIVE_INFINITY) },
      { suffix: "_count", labels: { runner }, value: count },
    ];
  }
  if (!BY_TYPE.has(key)) return [{ labels: { runner }, value: value(key, Number.POSITIVE_INFINITY) }];
  const byType = new Map<string, number>();
  for (const total of totals)
    if (total.metric === key && total.runner === runner) {
      const label = TYPES.has(total.type) ? total.type : "Other";
      byType.set(label, (byType.get(label) ?? 0) + total.value);
    }
  return [...byType].map(([error, count]) => ({ labels: { runner, type: error }, value: count }));
}

/** Formats metrics in Prometheus's text format (Prometheus documentation, exposition formats). */
export const exposition = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ suffix = "", labels, value }) => `${name}${suffix}${labelText(labels)} ${value}`),
      ].join("\n"),
    )
    .map((text) => `${text}\n`)
    .join("");

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
