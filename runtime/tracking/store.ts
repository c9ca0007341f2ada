import type { DocumentState } from "../contract/states.ts";

/** A job's document as people see it; its shape is the view jobs.documents (db/views/documents.sql). */
export type Document = { requestId: string; tenant: string; status: DocumentState; createdAt: string } & Record<
  string,
  unknown
>;

/**
 * Key of a document within its tenant: the requestId of a job; for a rejected request, which leaves its requestId free,
 * the rejectedId behind a character that no requestId contains.
 */
export const keyOf = ({ requestId, rejectedId }: Document): string =>
  typeof rejectedId === "string" ? `!${rejectedId}` : requestId;

/** Filter of documents; fields are combined with AND. */
export interface Filter {
  tenant?: string;
  /**
   * Words, or the beginnings of words, that all must be there: in id, tenant, status, task, labels or error. Letters
   * and digits make words, whatever their case; everything else separates them, and no character is a wildcard. Text that
   * has other characters only is in no document; blank text narrows nothing.
   */
  text?: string;
  /** Left out: those of jobs, not of rejected requests. */
  status?: readonly DocumentState[];
  type?: "read" | "update";
  runner?: "glue" | "ec2";
  labels?: Record<string, string>;
  /** ISO times; from inclusive, to exclusive. */
  createdFrom?: string;
  createdTo?: string;
}

/** Sort and size of a page. */
export interface Search extends Filter {
  /** A job that has not ended counts as the lowest of finishedAt and totalMs. */
  sort?: "createdAt" | "finishedAt" | "totalMs";
  order?: "asc" | "desc";
  /** At most 1,000. */
  limit: number;
  /** Cursor of an earlier page with the same sort. */
  cursor?: string;
}

export interface Page {
  documents: Document[];
  /** For the next page; undefined at the end. */
  cursor: string | undefined;
}

/** A cursor that no page of this sort has given. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";

  constructor(options?: ErrorOptions) {
    super("is not a cursor of this search. Use one of an earlier page with the same sort, or none.", options);
  }
}

/** Figures over the documents meant. */
export interface Summary {
  total: number;
  byStatus: Record<string, number>;
  byErrorType: Record<string, number>;
  /** Milliseconds; null where nothing has ended. */
  percentiles: Record<
    "queueMs" | "executionMs" | "totalMs",
    { p50: number | null; p95: number | null; p99: number | null }
  >;
}

/** A document, and how often its job had changed: of two, the higher one is the later. */
export interface Versioned {
  version: number;
  document: Document;
}

/** A document of a batch that could not be written although others could. */
export interface Unwritten {
  /** Its position in the batch. */
  index: number;
  reason: string;
  /** True if the store would refuse this document again. */
  final: boolean;
}

/**
 * Holds the documents of jobs for people: search, filters, aggregations. A projection of the jobs, which can be rebuilt
 * from them at any time: a late write loses against a higher version, a repeated one writes the same. A store beside the database throws
 * JobError TrackingUnavailable from all of this when it does not answer in time, or not with an answer.
 */
export interface TrackingStore {
  /**
   * Takes documents of any size: what is beyond a store's limits cannot be found by, but is kept. Each is written or
   * answered, whatever becomes of the others.
   */
  put(documents: readonly Versioned[]): Promise<Unwritten[]>;
  /** Like a search it may be a second behind: what must be current is asked of the job. */
  get(tenant: string, requestId: string): Promise<Document | undefined>;
  /** @throws InvalidCursor */
  search(search: Search): Promise<Page>;
  summarise(filter: Filter): Promise<Summary>;
  /** Removes documents of jobs that have ended and were created before this ISO time; answers how many. */
  expire(before: string): Promise<number>;
}
