import { RUNNER_METRICS } from "../../monitoring/metrics.ts";
import { PANELS, type PanelKey } from "../../monitoring/panels.ts";
import { DOCUMENT_FIGURES, type DocumentFigure, type FromDocuments, isDocumentFigure } from "./documentFigures.ts";
import {
  dashboard,
  each,
  indexPattern,
  metricOf,
  over,
  type Picture,
  type SavedObject,
  visualization,
} from "./savedObjects.ts";

/** Splits of visualizations by error and task. */
const MOST = 10;

/** The panels that documents can show: all of their figures are in them. In the order of PANELS. */
export const DOCUMENT_PANELS = (Object.keys(PANELS) as PanelKey[]).filter((key) =>
  PANELS[key].figures.every(({ figure }) => isDocumentFigure(figure)),
);

const byRunner = each("runner", "group", 2, "runner", "_key");

/** Pictures of what only documents tell: which error, which work. */
const OF_DOCUMENTS: readonly Picture[] = [
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
    description: "outcomes of the jobs in the selected period",
    kind: "histogram",
    aggregations: [metricOf("count", "jobs"), over("createdAt"), each("status", "group", MOST, "state")],
  },
  {
    key: "errors",
    title: "Errors by type",
    description: "failed jobs by error type",
    kind: "horizontal_bar",
    where: { status: ["FAILED"] },
    aggregations: [metricOf("count", "jobs"), each("errorType", "segment", MOST, "error")],
  },
  {
    key: "slowest",
    title: "Slowest work",
    description: "longest run of each query, statement or load",
    kind: "table",
    aggregations: [
      metricOf({ most: "executionMs" }, "longest run"),
      metricOf({ percentile: 95, of: "executionMs" }, "run, p95"),
      metricOf("count", "jobs"),
      each("work", "bucket", MOST, "work"),
    ],
  },
  {
    key: "tenants",
    title: "Jobs by tenant",
    description: "jobs by tenant",
    kind: "horizontal_bar",
    aggregations: [metricOf("count", "jobs"), each("tenant", "segment", MOST, "tenant")],
  },
];

/** A figure as it stands, a number for each kind. */
const standing = (figure: DocumentFigure): Picture => {
  const { where, value }: FromDocuments = DOCUMENT_FIGURES[figure];
  const { name, meaning } = RUNNER_METRICS[figure];
  return {
    key: figure,
    title: name,
    description: meaning,
    kind: "metric",
    ...(where ? { where } : {}),
    aggregations: [metricOf(value, name), byRunner],
  };
};

/** A panel that CloudWatch shows too, along time, a line for each kind. */
const panel = (key: PanelKey): Picture => {
  const { title, figures } = PANELS[key];
  const [{ figure }] = figures;
  if (!isDocumentFigure(figure)) throw new Error(`the documents have no metric '${figure}'`);
  const { at, where, value }: FromDocuments = DOCUMENT_FIGURES[figure];
  return {
    key,
    title,
    description: RUNNER_METRICS[figure].meaning,
    kind: value === "count" ? "histogram" : "line",
    ...(where ? { where } : {}),
    aggregations: [metricOf(value, RUNNER_METRICS[figure].name), over(at), byRunner],
  };
};

/** Everything that is drawn over jobs' documents. */
export const PICTURES: readonly Picture[] = [standing("waiting"), ...DOCUMENT_PANELS.map(panel), ...OF_DOCUMENTS];

/** Index pattern, pictures and dashboard over the indices of a prefix, in an order in which each stands behind what it needs. */
export function savedObjects(prefix: string): SavedObject[] {
  const times = DOCUMENT_PANELS.filter((key) => !isCount(key));
  const counts = DOCUMENT_PANELS.filter(isCount);
  return [
    indexPattern(prefix),
    ...PICTURES.map((picture) => visualization(prefix, picture)),
    dashboard(prefix, "Rates platform", "Jobs, from their tracking documents; the same metrics as in CloudWatch.", [
      { height: 8, keys: ["waiting", "working"] },
      { height: 14, keys: ["states", "errors"] },
      { height: 14, keys: times },
      { height: 12, keys: counts },
      { height: 14, keys: ["slowest", "tenants"] },
    ]),
  ];
}

const isCount = (key: PanelKey): boolean =>
  PANELS[key].figures.every(({ figure }) => isDocumentFigure(figure) && DOCUMENT_FIGURES[figure].value === "count");

/** As OpenSearch Dashboards imports it: one object a line. */
export const exported = (prefix: string): string =>
  `${savedObjects(prefix)
    .map((object) => JSON.stringify(object))
    .join("\n")}\n`;
