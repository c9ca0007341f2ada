import type { State } from "../jobs/states.ts";

/** A job's document as people see it; its shape is the view jobs.documents (db/migrations/0005_runs.sql). */
export type Document = { requestId: string; tenant: string; status: State; createdAt: string } & Record<
  string,
  unknown
>;

/** What a search asks for; every field narrows. */
export interface Search {
  tenant?: string;
  /** Words to find anywhere in the document's text: request id, labels, query, error. */
  text?: string;
  status?: readonly State[];
  type?: "read" | "update";
  runner?: "glue" | "ec2";
  labels?: Record<string, string>;
  /** ISO times; from inclusive, to exclusive. */
  createdFrom?: string;
  createdTo?: string;
  sort?: "createdAt" | "finishedAt" | "totalMs";
  order?: "asc" | "desc";
  /** At most 1,000. */
  limit: number;
  /** Where an earlier page ended. */
  cursor?: string;
}

export interface Page {
  documents: Document[];
  /** For the next page; undefined at the end. */
  cursor: string | undefined;
}

/** Figures over the documents a search finds (its sort, limit and cursor left aside). */
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

/**
 * Holds the documents of jobs for people: search, filters, aggregations. A projection of the jobs, which can be rebuilt
 * from them at any time; late and repeated writes lose against a higher version.
 */
export interface TrackingStore {
  put(documents: readonly { version: number; document: Document }[]): Promise<void>;
  get(tenant: string, requestId: string): Promise<Document | undefined>;
  search(search: Search): Promise<Page>;
  summarise(search: Omit<Search, "limit" | "cursor" | "sort" | "order">): Promise<Summary>;
  /** Removes documents of jobs created before this ISO time; answers how many. */
  expire(before: string): Promise<number>;
}
