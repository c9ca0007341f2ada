import { RUNNER_METRICS } from "../../monitoring/metrics.ts";
import { PANELS, type PanelKey } from "../../monitoring/panels.ts";
import { DOCUMENT_METRICS, type DocumentMetric, type DocumentMetricSpec, isDocumentMetric } from "./documentMetrics.ts";
import {
  dashboard,
  indexPattern,
  metricOf,
  overTime,
  perValue,
  type SavedObject,
  type VisualizationSpec,
  visualization,
} from "./savedObjects.ts";

/** Maximum number of values into which a chart is split, for example of error types. */
const MAX_BUCKETS = 10;

/** Panels whose metrics can all be computed from documents, in the order of PANELS. */
export const DOCUMENT_PANELS = (Object.keys(PANELS) as PanelKey[]).filter((key) =>
  PANELS[key].metrics.every(({ metric }) => isDocumentMetric(metric)),
);

const byRunner = perValue("runner", "group", 2, "runner", "_key");

/** Visualizations without a panel in CloudWatch. */
const DOCUMENT_VISUALIZATIONS: readonly VisualizationSpec[] = [
  {
    key: "working",
    title: "Running",
    description: "jobs in progress",
    kind: "metric",
    where: { status: ["IN_PROGRESS"] },
    aggregations: [metricOf("count", "Running"), byRunner],
  },
  {
    key: "states",
    title: "Jobs by state",
    description: "jobs that were created in the selected period, by their state",
    kind: "histogram",
    aggregations: [metricOf("count", "jobs"), overTime("createdAt"), perValue("status", "group", MAX_BUCKETS, "state")],
  },
  {
    key: "errors",
    title: "Errors by type",
    description: "failed jobs by error type",
    kind: "horizontal_bar",
    where: { status: ["FAILED"] },
    aggregations: [metricOf("count", "jobs"), perValue("errorType", "segment", MAX_BUCKETS, "error")],
  },
  {
    key: "slowest",
    title: "Slowest work",
    description: "longest execution per query, statement or load, and of raw SQL",
    kind: "table",
    aggregations: [
      metricOf({ max: "executionMs" }, "longest execution"),
      metricOf({ percentile: 95, of: "executionMs" }, "execution, p95"),
      metricOf("count", "jobs"),
      perValue("work", "bucket", MAX_BUCKETS, "work"),
    ],
  },
  {
    key: "tenants",
    title: "Jobs by tenant",
    description: "jobs by tenant",
    kind: "horizontal_bar",
    aggregations: [metricOf("count", "jobs"), perValue("tenant", "segment", MAX_BUCKETS, "tenant")],
  },
];

/** Returns the visualization of a current value, with one number per runner type. */
const currentValue = (metric: DocumentMetric): VisualizationSpec => {
  const { where, value }: DocumentMetricSpec = DOCUMENT_METRICS[metric];
  const { name, meaning } = RUNNER_METRICS[metric];
  return {
    key: metric,
    title: name,
    description: meaning,
    kind: "metric",
    ...(where ? { where } : {}),
    aggregations: [metricOf(value, name), byRunner],
  };
};

/** Returns the visualization of a panel that CloudWatch shows too: over time, with a line per runner type. */
const panelVisualization = (key: PanelKey): VisualizationSpec => {
  const { title, metrics } = PANELS[key];
  const [{ metric }] = metrics;
  if (!isDocumentMetric(metric)) throw new Error(`the documents have no metric '${metric}'`);
  const { at, where, value }: DocumentMetricSpec = DOCUMENT_METRICS[metric];
  return {
    key,
    title,
    description: RUNNER_METRICS[metric].meaning,
    kind: value === "count" ? "histogram" : "line",
    ...(where ? { where } : {}),
    aggregations: [metricOf(value, RUNNER_METRICS[metric].name), overTime(at), byRunner],
  };
};

/** All visualizations of documents. */
export const VISUALIZATIONS: readonly VisualizationSpec[] = [
  currentValue("waiting"),
  ...DOCUMENT_PANELS.map(panelVisualization),
  ...DOCUMENT_VISUALIZATIONS,
];

/**
 * Returns the index pattern, visualizations and dashboard for the indices with a prefix. Each object follows those that
 * it references.
 */
export function savedObjects(prefix: string): SavedObject[] {
  const times = DOCUMENT_PANELS.filter((key) => !isCount(key));
  const counts = DOCUMENT_PANELS.filter(isCount);
  return [
    indexPattern(prefix),
    ...VISUALIZATIONS.map((spec) => visualization(prefix, spec)),
    dashboard(prefix, "Rates platform", "Jobs, from their documents in the tracking store.", [
      { height: 8, keys: ["waiting", "working"] },
      { height: 14, keys: ["states", "errors"] },
      { height: 14, keys: times },
      { height: 12, keys: counts },
      { height: 14, keys: ["slowest", "tenants"] },
    ]),
  ];
}

const isCount = (key: PanelKey): boolean =>
  PANELS[key].metrics.every(({ metric }) => isDocumentMetric(metric) && DOCUMENT_METRICS[metric].value === "count");

/** Returns the export in the format of OpenSearch Dashboards: one object per line. */
export const exportText = (prefix: string): string =>
  `${savedObjects(prefix)
    .map((object) => JSON.stringify(object))
    .join("\n")}\n`;
