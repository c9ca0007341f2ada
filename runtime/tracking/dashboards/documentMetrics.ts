import type { RunnerMetric } from "../../monitoring/metrics.ts";
import type { MAPPINGS } from "../opensearch/indices.ts";

/** A document field in OpenSearch. */
export type Field = keyof typeof MAPPINGS.properties;

/** A metric computed from jobs' documents. */
export interface DocumentMetricSpec {
  /** Field with the time of a data point. */
  readonly at: Extract<Field, "createdAt" | "finishedAt">;
  /** Filter of documents: the allowed values of each field. */
  readonly where?: Partial<Record<Field, readonly string[]>>;
  /** Aggregation: count, percentile or maximum. */
  readonly value: "count" | { readonly percentile: number; readonly of: Field } | { readonly max: Field };
}

/**
 * Metrics of runtime/monitoring/metrics.ts that can be computed from the indexed fields of documents, which lack refused
 * runs, existing runs, ended attempts, and the time since a job became ready.
 */
export const DOCUMENT_METRICS = {
  waiting: { at: "createdAt", where: { status: ["PENDING"] }, value: "count" },
  succeeded: { at: "finishedAt", where: { status: ["SUCCEEDED"] }, value: "count" },
  failedByRequest: { at: "finishedAt", where: { status: ["FAILED"], errorCategory: ["User"] }, value: "count" },
  failedByPlatform: {
    at: "finishedAt",
    where: { status: ["FAILED"], errorCategory: ["System", "Other"] },
    value: "count",
  },
  queueTime: { at: "finishedAt", value: { percentile: 95, of: "queueMs" } },
  runTime: { at: "finishedAt", value: { percentile: 95, of: "executionMs" } },
  peakMemory: { at: "finishedAt", value: { max: "peakMemoryBytes" } },
} as const satisfies Partial<Record<RunnerMetric, DocumentMetricSpec>>;
export type DocumentMetric = keyof typeof DOCUMENT_METRICS;

export const isDocumentMetric = (metric: RunnerMetric): metric is DocumentMetric =>
  Object.hasOwn(DOCUMENT_METRICS, metric);
