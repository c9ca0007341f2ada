import type { DocumentState } from "../contract/states.ts";

/** A job's document in the tracking store; its shape is the view jobs.base_documents (db/views/base_documents.sql). */
export type Document = { requestId: string; tenant: string; status: DocumentState; createdAt: string } & Record<
  string,
  unknown
>;

/**
 * Returns a document's key within its tenant: a job's requestId; for a rejected request, which does not use up its
 * requestId, the rejectedId after `!`, which no requestId contains.
 */
export const keyOf = ({ requestId, rejectedId }: Document): string =>
  typeof rejectedId === "string" ? `!${rejectedId}` : requestId;

/** Filter of documents; fields are combined with AND. */
export interface Filter {
  tenant?: string;
  /**
   * Words or prefixes of words that must all occur in id, tenant, status, task, labels or error. Words consist of
   * letters and digits of any case; other characters separate them, and none is a wildcard. Text without letters and
   * digits matches no document; blank text matches all.
   */
  text?: string;
  /** States of the documents. @default all states of jobs, without rejected requests */
  status?: readonly DocumentState[];
  type?: "read" | "update";
  runner?: "glue" | "ec2";
  labels?: Record<string, string>;
  /** ISO times; `from` is inclusive, `to` exclusive. */
  createdFrom?: string;
  createdTo?: string;
}

/** Filter, sort and size of a page. */
export interface Search extends Filter {
  /** A job that has not ended has the lowest finishedAt and totalMs. */
  sort?: "createdAt" | "finishedAt" | "totalMs";
  order?: "asc" | "desc";
  /** Maximum 1,000. */
  limit: number;
  /** Cursor of an earlier page with the same sort. */
  cursor?: string;
}

export interface Page {
  documents: Document[];
  /** Cursor of the next page; undefined at the end. */
  cursor: string | undefined;
}

/** Thrown for a cursor that is not from a page with this sort. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";

  constructor(options?: ErrorOptions) {
    super(
      "is not a cursor of this search. Use the cursor of the previous page with the same sort, or leave it out.",
      options,
    );
  }
}

/** Counts and percentiles of the filtered documents. */
export interface Summary {
  total: number;
  byStatus: Record<string, number>;
  byErrorType: Record<string, number>;
  /** Milliseconds; null if no job has ended. */
  percentiles: Record<
    "queueMs" | "executionMs" | "totalMs",
    { p50: number | null; p95: number | null; p99: number | null }
  >;
}

/** A document and its version, which grows with each change of the job. */
export interface VersionedDocument {
  version: number;
  document: Document;
}

/** A document of a batch that was not written, although others may have been. */
export interface UnwrittenDocument {
  /** Its position in the batch. */
  index: number;
  reason: string;
  /** True if the store would refuse this document again. */
  final: boolean;
}

/**
 * Stores the documents of jobs for search, filters and aggregations. It can be rebuilt from the jobs at any time: a
 * late write loses against a higher version, and a repeated one changes nothing. If a store outside
 * the database does not respond in time, or responds with an error, its methods throw JobError TrackingUnavailable.
 */
export interface TrackingStore {
  /**
   * Writes documents of any size, each independently; text beyond a store's limits is kept, but not searchable.
   * Returns those that were not written.
   */
  put(documents: readonly VersionedDocument[]): Promise<UnwrittenDocument[]>;
  /** Reads a document, which may be a minute old (the dispatcher's schedule); read the job for current data. */
  get(tenant: string, requestId: string): Promise<Document | undefined>;
  /** @throws InvalidCursor */
  search(search: Search): Promise<Page>;
  summarize(filter: Filter): Promise<Summary>;
  /** Removes documents of jobs that have ended and were created before this ISO time; returns their number. */
  expire(before: string): Promise<number>;
}
