import { DOCUMENT_STATES } from "../../contract/states.ts";
import type { TrackingSettings } from "../../platform/settings.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type {
  Document,
  Filter,
  Page,
  Search,
  Summary,
  TrackingStore,
  UnwrittenDocument,
  VersionedDocument,
} from "../store.ts";
import { type Bulk, bulks, type Outcome } from "./bulk.ts";
import type { Send } from "./client.ts";
import { documentId, monthEnd, template } from "./indices.ts";
import { queryOf, sortOf } from "./query.ts";

/** Timeout of reads, for which a user waits. */
const SEARCH_TIMEOUT_MS = 5_000;
const WRITE_TIMEOUT_MS = 15_000;
/** Time that a bulk request waits for an unavailable shard, for example of a lost node. It delays all its documents. */
const SHARD_WAIT = "2s";
const TOO_LARGE: Outcome = {
  status: 413,
  error: { type: "too_large", reason: "The request is larger than OpenSearch accepts." },
};
/** Statuses of errors that the document itself causes. All other errors are transient. */
const FINAL_STATUSES = new Set([400, 413]);
const EXPIRE_TIMEOUT_MS = 60_000;

/** Maximum number of error types in a summary; the registry has fewer. */
const MAX_ERROR_TYPES = 100;
const PERCENTS = [50, 95, 99];

/** Used fields of a _search response. */
interface SearchResponse {
  hits: { total?: { value: number }; hits: { _source: { document: Document }; sort: (string | number)[] }[] };
  aggregations?: Record<string, { buckets?: Bucket[]; values?: Record<string, number | null> }>;
}
interface Bucket {
  key: string;
  doc_count: number;
}

/** The tracking store in OpenSearch. Its client is loaded by the first call, since most processes make none. */
export class OpenSearchTracking implements TrackingStore {
  readonly #settings: TrackingSettings;
  #client: Promise<Send> | undefined;
  #isPrepared = false;

  constructor(settings: TrackingSettings) {
    this.#settings = settings;
  }

  async put(documents: readonly VersionedDocument[]): Promise<UnwrittenDocument[]> {
    if (documents.length > 0) await this.#prepare();
    const unwritten: UnwrittenDocument[] = [];
    for (const bulk of bulks(this.#settings.indexPrefix, documents)) {
      for (const [at, { status, error }] of (await this.#write(bulk)).entries()) {
        // 409 is a conflict: a later version already exists.
        if (status < 300 || status === 409) continue;
        unwritten.push({
          index: bulk.first + at,
          reason: `${status} ${error?.type}: ${error?.reason}`,
          final: FINAL_STATUSES.has(status),
        });
      }
    }
    return unwritten;
  }

  async get(tenant: string, requestId: string): Promise<Document | undefined> {
    const { hits } = await this.#search({ size: 1, query: { ids: { values: [documentId(tenant, requestId)] } } });
    return hits.hits[0]?._source.document;
  }

  async search(search: Search): Promise<Page> {
    const { sort = "createdAt", limit, cursor } = search;
    const after = cursor === undefined ? undefined : decodeCursor(cursor, sort, /^-?\d{1,15}$/);
    const { hits } = await this.#search({
      size: limit + 1,
      query: queryOf(search),
      sort: sortOf(search),
      ...(after ? { search_after: [Number(after.value), after.tenant, after.requestId] } : {}),
    });
    const page = hits.hits.slice(0, limit);
    const end = hits.hits.length > limit ? page.at(-1) : undefined;
    return {
      documents: page.map((hit) => hit._source.document),
      cursor:
        end &&
        encodeCursor(sort, {
          value: String(end.sort[0]),
          tenant: String(end.sort[1]),
          requestId: String(end.sort[2]),
        }),
    };
  }

  async summarize(filter: Filter): Promise<Summary> {
    const times = ["queueMs", "executionMs", "totalMs"] as const;
    const { hits, aggregations = {} } = await this.#search({
      size: 0,
      track_total_hits: true,
      query: queryOf(filter),
      aggs: {
        status: { terms: { field: "status" } },
        errorType: { terms: { field: "errorType", size: MAX_ERROR_TYPES } },
        ...Object.fromEntries(times.map((field) => [field, { percentiles: { field, percents: PERCENTS } }])),
      },
    });
    const counts = (name: string) =>
      Object.fromEntries((aggregations[name]?.buckets ?? []).map(({ key, doc_count }) => [key, doc_count]));
    const percentiles = (name: string) => {
      const [p50 = null, p95 = null, p99 = null] = PERCENTS.map(
        (percent) => aggregations[name]?.values?.[percent.toFixed(1)],
      );
      return { p50, p95, p99 };
    };
    return {
      total: hits.total?.value ?? 0,
      byStatus: counts("status"),
      byErrorType: counts("errorType"),
      percentiles: {
        queueMs: percentiles("queueMs"),
        executionMs: percentiles("executionMs"),
        totalMs: percentiles("totalMs"),
      },
    };
  }

  async expire(before: string): Promise<number> {
    const { indexPrefix } = this.#settings;
    const send = await this.#connect();
    const { body } = await send<{ deleted: number }>({
      method: "POST",
      path: `/${indexPrefix}-*/_delete_by_query`,
      query: { conflicts: "proceed", refresh: true, allow_no_indices: true },
      body: {
        query: {
          bool: {
            filter: [queryOf({ createdTo: before, status: DOCUMENT_STATES }), { exists: { field: "finishedAt" } }],
          },
        },
      },
      timeoutMs: EXPIRE_TIMEOUT_MS,
    });
    const { body: indices } = await send<{ index: string; "docs.count": string }[]>({
      method: "GET",
      path: `/_cat/indices/${indexPrefix}-*`,
      query: { format: "json", h: "index,docs.count" },
      timeoutMs: EXPIRE_TIMEOUT_MS,
    });
    for (const { index, "docs.count": count } of indices) {
      const end = monthEnd(indexPrefix, index);
      if (end !== undefined && end <= before && count === "0")
        await send({ method: "DELETE", path: `/${index}`, timeoutMs: EXPIRE_TIMEOUT_MS }, [404]);
    }
    return body.deleted;
  }

  #connect(): Promise<Send> {
    this.#client ??= import("./client.ts").then(({ connectTo }) => connectTo(this.#settings));
    return this.#client;
  }

  async #search(body: object): Promise<SearchResponse> {
    const send = await this.#connect();
    const response = await send<SearchResponse>({
      method: "POST",
      path: `/${this.#settings.indexPrefix}-*/_search`,
      // A partial response would look complete.
      query: { allow_no_indices: true, allow_partial_search_results: false },
      body: { track_total_hits: false, _source: ["document"], ...body },
      timeoutMs: SEARCH_TIMEOUT_MS,
    });
    return response.body;
  }

  /** Sends a bulk request; returns the outcome of each document. */
  async #write({ lines, count }: Bulk): Promise<Outcome[]> {
    const send = await this.#connect();
    const call = {
      method: "POST",
      path: "/_bulk",
      query: { timeout: SHARD_WAIT },
      lines,
      timeoutMs: WRITE_TIMEOUT_MS,
    } as const;
    const { status, body } = await send<{ items: { index: Outcome }[] }>(call, [413]);
    if (status === 413) return Array.from({ length: count }, () => TOO_LARGE);
    return body.items.map((item) => item.index);
  }

  /**
   * Writes the template with the first documents of a process, whose code may have a newer one, and again if it is
   * missing. The first document of a month creates its index; without a template, OpenSearch would guess field types.
   */
  async #prepare(): Promise<void> {
    const send = await this.#connect();
    const { indexPrefix } = this.#settings;
    const path = `/_index_template/${indexPrefix}`;
    if (this.#isPrepared && (await send({ method: "HEAD", path, timeoutMs: WRITE_TIMEOUT_MS }, [404])).status !== 404)
      return;
    await send({ method: "PUT", path, body: template(indexPrefix), timeoutMs: WRITE_TIMEOUT_MS });
    this.#isPrepared = true;
  }
}
