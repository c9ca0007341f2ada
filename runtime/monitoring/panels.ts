import type { RunnerMetric } from "./metrics.ts";

/**
 * Panels that every dashboard of the platform has, whatever it reads the figures from: CloudWatch draws them from metrics
 * (infra/monitoring/dashboard.ts), OpenSearch Dashboards from jobs' documents (runtime/tracking/dashboards). Each is drawn of both
 * runner kinds.
 */
export interface Panel {
  readonly title: string;
  /** With more than one figure each has a label, which stands behind the kind's name. */
  readonly figures: readonly { readonly figure: RunnerMetric; readonly label?: string }[];
  /** Aggregation of a minute's values. */
  readonly stat: "Maximum" | "Sum";
}

export const PANELS = {
  queueTime: {
    title: "Time from acceptance to start, p95, seconds",
    figures: [{ figure: "queueTime" }],
    stat: "Maximum",
  },
  runTime: { title: "Run time, p95, seconds", figures: [{ figure: "runTime" }], stat: "Maximum" },
  peakMemory: { title: "Peak memory of a run, bytes", figures: [{ figure: "peakMemory" }], stat: "Maximum" },
  succeeded: { title: "Succeeded", figures: [{ figure: "succeeded" }], stat: "Sum" },
  failedByRequest: { title: "Failed because of the request", figures: [{ figure: "failedByRequest" }], stat: "Sum" },
  failedByPlatform: { title: "Failed because of the platform", figures: [{ figure: "failedByPlatform" }], stat: "Sum" },
  brokenOff: {
    title: "Attempts lost or out of memory",
    figures: [
      { figure: "lost", label: "lost" },
      { figure: "outOfMemory", label: "out of memory" },
    ],
    stat: "Sum",
  },
} as const satisfies Record<string, Panel>;
export type PanelKey = keyof typeof PANELS;
