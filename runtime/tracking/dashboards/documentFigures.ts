import type { RunnerMetric } from "../../monitoring/metrics.ts";
import type { MAPPINGS } from "../opensearch/indices.ts";

/** A field that OpenSearch knows of a document. */
export type Field = keyof typeof MAPPINGS.properties;

/** How a figure is read off jobs' documents. */
export interface FromDocuments {
  /** The moment that it counts at. */
  readonly at: Extract<Field, "createdAt" | "finishedAt">;
  /** Which documents: what fields may be. */
  readonly where?: Partial<Record<Field, readonly string[]>>;
  /** What of them: how many, or a number of each condensed. */
  readonly value: "count" | { readonly percentile: number; readonly of: Field } | { readonly most: Field };
}

/**
 * The figures of runtime/monitoring/metrics.ts that documents hold too. The others are of what no document tells: starts that
 * were refused, runs that are warm, attempts that were lost and made good, how long a job has been ready.
 */
export const DOCUMENT_FIGURES = {
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
  peakMemory: { at: "finishedAt", value: { most: "peakMemoryBytes" } },
} as const satisfies Partial<Record<RunnerMetric, FromDocuments>>;
export type DocumentFigure = keyof typeof DOCUMENT_FIGURES;

export const isDocumentFigure = (figure: RunnerMetric): figure is DocumentFigure =>
  Object.hasOwn(DOCUMENT_FIGURES, figure);
