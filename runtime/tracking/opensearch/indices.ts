import { type Document, keyOf } from "../store.ts";
import { wordsOf } from "../tokenizer.ts";

/** Prefixes of words that are kept as terms of their own; longer ones match few words, which are then looked through. */
const PREFIX = { min_chars: 1, max_chars: 8 };
/** Lucene takes no term above 32,766 bytes; UTF-8 needs up to 4 for a character. */
const LONGEST_TERM = 8_191;

const keyword = { type: "keyword", ignore_above: LONGEST_TERM };

/**
 * Indexed fields of a document: those of filters, sorts and metrics. The document itself is stored without indexing: no
 * task can be refused or create unlimited fields.
 */
export const MAPPINGS = {
  dynamic: false,
  _source: { excludes: ["words"] },
  properties: {
    tenant: keyword,
    requestId: keyword,
    status: keyword,
    type: keyword,
    runner: keyword,
    errorType: keyword,
    errorCategory: keyword,
    /** Work of the job: a named query or statement, a load, raw SQL. */
    work: keyword,
    /** As key=value: a label's name may be anything, dots and spaces included, which names of fields may not. */
    labels: keyword,
    createdAt: { type: "date" },
    finishedAt: { type: "date" },
    queueMs: { type: "long" },
    executionMs: { type: "long" },
    totalMs: { type: "long" },
    peakMemoryBytes: { type: "long" },
    words: { type: "text", analyzer: "whitespace", norms: false, index_options: "docs", index_prefixes: PREFIX },
    document: { type: "object", enabled: false },
  },
} as const;

/** The template that every index of a prefix is made by. */
export const template = (prefix: string): object => ({
  index_patterns: [`${prefix}-*`],
  template: {
    settings: {
      number_of_shards: 1,
      // A copy where there is a node for it: nothing is lost with a node, as all of it can be made again.
      auto_expand_replicas: "0-1",
      // The newest first, in the very order of a page of them: that page is then read off, as are pages in most others.
      index: { sort: { field: ["createdAt", "tenant", "requestId"], order: ["desc", "desc", "desc"] } },
    },
    mappings: MAPPINGS,
  },
});

/**
 * The index of a document: by the month its job was created in, which never changes, so that all of its versions meet
 * under one id. An alias that is rolled over would spread them.
 */
export const indexOf = (prefix: string, { createdAt }: Document): string =>
  `${prefix}-${createdAt.slice(0, 7).replace("-", ".")}`;

/** The first moment after the month of such an index, as an ISO time; undefined for any other. */
export function monthEnd(prefix: string, index: string): string | undefined {
  const [, year, month] = new RegExp(`^${prefix}-(\\d{4})\\.(\\d\\d)$`).exec(index) ?? [];
  return year === undefined || month === undefined
    ? undefined
    : new Date(Date.UTC(Number(year), Number(month))).toISOString();
}

/** A tenant has no slash in its name. */
export const idOf = (tenant: string, requestId: string): string => `${tenant}/${requestId}`;

/** Stored form of a document. */
export function source(document: Document): object {
  const { tenant, status, createdAt, labels, ...rest } = document;
  const { task, runner, finishedAt, stats, error } = rest as {
    task?: { type?: string; query?: string; statement?: string; target?: string };
    runner?: string;
    finishedAt?: string;
    stats?: { queueMs?: number; executionMs?: number; totalMs?: number; peakMemoryBytes?: number };
    error?: { type?: string; category?: string };
  };
  return {
    tenant,
    requestId: keyOf(document),
    status,
    type: task?.type,
    runner,
    errorType: error?.type,
    errorCategory: error?.category,
    work: task && (task.query ?? task.statement ?? (task.target === undefined ? "raw SQL" : `load ${task.target}`)),
    labels: Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`),
    createdAt,
    finishedAt,
    queueMs: stats?.queueMs,
    executionMs: stats?.executionMs,
    totalMs: stats?.totalMs,
    peakMemoryBytes: stats?.peakMemoryBytes,
    words: wordsOf(document),
    document,
  };
}
