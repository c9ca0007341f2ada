import type { RunnerMetric } from "./metrics.ts";

/**
 * Panel of two dashboards, with series for both runner types. CloudWatch draws all panels from metrics
 * (infra/monitoring/dashboard.ts); OpenSearch Dashboards draws those that tracking documents support
 * (runtime/tracking/dashboards).
 */
export interface Panel {
  readonly title: string;
  /** Metrics of the panel. If there are several, each has a label, shown after the runner type. */
  readonly metrics: readonly { readonly metric: RunnerMetric; readonly label?: string }[];
  /** Statistic over the values of a minute. */
  readonly stat: "Maximum" | "Sum";
}

export const PANELS = {
  queueTime: {
    title: "Time from acceptance to start, p95, seconds",
    metrics: [{ metric: "queueTime" }],
    stat: "Maximum",
  },
  runTime: { title: "Run time, p95, seconds", metrics: [{ metric: "runTime" }], stat: "Maximum" },
  peakMemory: { title: "Peak memory of a run, bytes", metrics: [{ metric: "peakMemory" }], stat: "Maximum" },
  succeeded: { title: "Succeeded", metrics: [{ metric: "succeeded" }], stat: "Sum" },
  failedByRequest: { title: "Failed because of the request", metrics: [{ metric: "failedByRequest" }], stat: "Sum" },
  failedByPlatform: { title: "Failed because of the platform", metrics: [{ metric: "failedByPlatform" }], stat: "Sum" },
  lostOrOutOfMemory: {
    title: "Attempts lost or out of memory",
    metrics: [
      { metric: "lost", label: "lost" },
      { metric: "outOfMemory", label: "out of memory" },
    ],
    stat: "Sum",
  },
} as const satisfies Record<string, Panel>;
export type PanelKey = keyof typeof PANELS;
