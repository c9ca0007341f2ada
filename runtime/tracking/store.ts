import type { DocumentState } from "../contract/states.ts";

/**
 * Document of a job or rejected request in the tracking store. The views jobs.base_documents and jobs.rejected_documents
 * (db/views) define its fields.
 */
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
   * Words or prefixes of words that must all occur in id, tenant, status, task, labels, error or the body of a rejected
   * request. Words consist of letters and digits of any case; other characters separate them, and none is a wildcard.
   * Text without letters and digits matches no document; blank text matches all.
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

/** A document and its version, which grows with each change of the job or rejected request. */
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
 * Stores documents for search, filters and aggregations. It can be rebuilt from the jobs and rejected requests at any
 * time: a write of an older version changes nothing, and a write can be repeated. If a store outside the database does
 * not respond in time, refuses the platform's credentials, is overloaded or fails, its methods throw JobError
 * TrackingUnavailable.
 */
export interface TrackingStore {
  /**
   * Writes documents of any size, each independently; text beyond a store's limits is kept, but not searchable.
   * Returns those that were not written.
   */
  put(documents: readonly VersionedDocument[]): Promise<UnwrittenDocument[]>;
  /** Reads a job's document, which may be a minute old (the dispatcher's schedule); read the job for current data. */
  get(tenant: string, requestId: string): Promise<Document | undefined>;
  /** @throws InvalidCursor */
  search(search: Search): Promise<Page>;
  summarize(filter: Filter): Promise<Summary>;
  /** Removes documents of ended jobs and rejected requests created before this ISO time; returns their number. */
  expire(before: string): Promise<number>;
}
