import { type Document, keyOf } from "../store.ts";
import { wordsOf } from "../tokenizer.ts";

/** Lengths of word prefixes that are indexed as terms; longer prefixes match few words, which are then scanned. */
const INDEXED_PREFIXES = { min_chars: 1, max_chars: 8 };
/** Lucene accepts terms of up to 32,766 bytes; UTF-8 needs up to 4 bytes per character. */
const MAX_TERM_LENGTH = 8_191;

const keyword = { type: "keyword", ignore_above: MAX_TERM_LENGTH };

/**
 * Indexed fields of a document: those of filters, sorts and metrics. The document itself is stored without indexing, so
 * that no task can be refused because of its content or create fields without limit.
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
    /** As key=value: a label's name may contain dots and spaces, which field names may not. */
    labels: keyword,
    createdAt: { type: "date" },
    finishedAt: { type: "date" },
    queueMs: { type: "long" },
    executionMs: { type: "long" },
    totalMs: { type: "long" },
    peakMemoryBytes: { type: "long" },
    words: {
      type: "text",
      analyzer: "whitespace",
      norms: false,
      index_options: "docs",
      index_prefixes: INDEXED_PREFIXES,
    },
    document: { type: "object", enabled: false },
  },
} as const;

/** Returns the template of all indices with a prefix. */
export const template = (prefix: string): object => ({
  index_patterns: [`${prefix}-*`],
  template: {
    settings: {
      number_of_shards: 1,
      // There is a replica only if there is a second node. Without one, lost documents can be rebuilt from the jobs.
      auto_expand_replicas: "0-1",
      // Documents are stored in the default order of pages, newest first, so such pages are read without sorting.
      index: { sort: { field: ["createdAt", "tenant", "requestId"], order: ["desc", "desc", "desc"] } },
    },
    mappings: MAPPINGS,
  },
});

/**
 * Returns the index of a document, by the month in which its job was created. The month never changes, so all versions
 * have one id in one index; a rollover alias would spread them.
 */
export const indexOf = (prefix: string, { createdAt }: Document): string =>
  `${prefix}-${createdAt.slice(0, 7).replace("-", ".")}`;

/** Returns the end of the month of an index that `indexOf` names (ISO, exclusive); undefined for any other index. */
export function monthEnd(prefix: string, index: string): string | undefined {
  const [, year, month] = new RegExp(`^${prefix}-(\\d{4})\\.(\\d\\d)$`).exec(index) ?? [];
  return year === undefined || month === undefined
    ? undefined
    : new Date(Date.UTC(Number(year), Number(month))).toISOString();
}

/** Returns the id of a document; unique, since the name of a tenant contains no slash. */
export const documentId = (tenant: string, requestId: string): string => `${tenant}/${requestId}`;

/** Returns the stored form of a document. */
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
