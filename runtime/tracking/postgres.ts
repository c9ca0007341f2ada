import type pg from "pg";
import { encodeCursor } from "./cursor.ts";
import { Conditions, containsWords, pageQuery } from "./postgresQuery.ts";
import {
  type Document,
  type Filter,
  InvalidCursor,
  keyOf,
  type Page,
  type Search,
  type Summary,
  type TrackingStore,
  type UnwrittenDocument,
  type VersionedDocument,
} from "./store.ts";
import { wordsIn, wordsOf } from "./tokenizer.ts";

/** A document of a page, with the values of the cursor that continues after it. */
interface Row {
  document: Document;
  key: string;
  tenant: string;
  request_id: string;
}

/**
 * Number of documents that are scanned for words before all matches are collected instead. If a share f of n documents
 * has a word, scanning for 51 of them costs 51 / f rows, and collecting costs f · n. For a million documents both cost
 * about 7,000 rows at the same f.
 */
const SCAN_LIMIT = 5_000;
/** Bytes that a searchable label stays below: a much longer one would not fit into a GIN index entry (2,712 bytes). */
const MAX_LABEL_BYTES = 2_000;

/** Postgres's errors for an invalid time: datetime_field_overflow, invalid_time_zone_displacement_value. */
const INVALID_TIME_CODES = new Set(["22008", "22009"]);

/** Returns true for errors that a document causes: data exceptions (class 22) and exceeded program limits (class 54). */
const isDocumentError = (code: string | undefined): boolean => /^(?:22|54)/.test(code ?? "");

/** The tracking store in the platform's own Postgres, for small stacks. */
export class PostgresTracking implements TrackingStore {
  readonly #db: Pick<pg.Pool, "query">;

  constructor(db: Pick<pg.Pool, "query">) {
    this.#db = db;
  }

  async put(documents: readonly VersionedDocument[]): Promise<UnwrittenDocument[]> {
    try {
      await this.#write(documents);
      return [];
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      if (!isDocumentError(code)) throw error;
      if (documents.length === 1) return [{ index: 0, reason: message, final: true }];
    }
    // Halves isolate a document that Postgres refuses, so that it does not delay the others.
    const middle = Math.ceil(documents.length / 2);
    const first = await this.put(documents.slice(0, middle));
    const second = await this.put(documents.slice(middle));
    return [...first, ...second.map((unwritten) => ({ ...unwritten, index: unwritten.index + middle }))];
  }

  async #write(documents: readonly VersionedDocument[]): Promise<void> {
    // Writes each document once, ordered by key, so that concurrent writers cannot deadlock.
    await this.#db.query(
      `insert into tracking.documents
         (tenant, request_id, version, document, status, type, runner, created_at, finished_at, total_ms, queue_ms, execution_ms, error_type, labels, words)
       select distinct on (1, 2) d->>'tenant', o.v->>'key', (o.v->>'version')::bigint, d, d->>'status', coalesce(d->'task'->>'type', ''), coalesce(d->>'runner', ''),
         (d->>'createdAt')::timestamptz, coalesce((d->>'finishedAt')::timestamptz, '-infinity'), coalesce((d->'stats'->>'totalMs')::bigint, -1),
         (d->'stats'->>'queueMs')::bigint, (d->'stats'->>'executionMs')::bigint, d->'error'->>'type',
         array(select key || '=' || value from jsonb_each_text(d->'labels') where octet_length(key || value) < ${MAX_LABEL_BYTES}),
         array_to_tsvector(array(select jsonb_array_elements_text(o.v->'words')))
       from jsonb_array_elements($1::jsonb) o(v), lateral (select o.v->'document' as d) x
       order by 1, 2, 3 desc
       on conflict (tenant, request_id) do update set
         version = excluded.version, document = excluded.document, status = excluded.status, type = excluded.type, runner = excluded.runner,
         created_at = excluded.created_at, finished_at = excluded.finished_at, total_ms = excluded.total_ms,
         queue_ms = excluded.queue_ms, execution_ms = excluded.execution_ms, error_type = excluded.error_type,
         labels = excluded.labels, words = excluded.words
       where documents.version <= excluded.version`,
      [
        JSON.stringify(
          documents.map((versioned) => ({
            ...versioned,
            key: keyOf(versioned.document),
            words: wordsOf(versioned.document),
          })),
        ),
      ],
    );
  }

  async get(tenant: string, requestId: string): Promise<Document | undefined> {
    const { rows } = await this.#db.query(
      "select document from tracking.documents where tenant = $1 and request_id = $2",
      [tenant, requestId],
    );
    return rows[0]?.document;
  }

  async search(search: Search): Promise<Page> {
    const { sort = "createdAt", limit } = search;
    const rows = await this.#firstRows(search, limit + 1).catch((error: Error & { code?: string }) => {
      // A cursor's time can have the right format and still be invalid, for example February 30.
      throw search.cursor !== undefined && INVALID_TIME_CODES.has(error.code ?? "")
        ? new InvalidCursor({ cause: error })
        : error;
    });
    const page = rows.slice(0, limit);
    const end = rows.length > limit ? page.at(-1) : undefined;
    return {
      documents: page.map((row) => row.document),
      cursor: end && encodeCursor(sort, { value: end.key, tenant: end.tenant, requestId: end.request_id }),
    };
  }

  /**
   * Returns the first documents of a search. Without words, they are read from an index. With words, Postgres cannot
   * estimate well whether reading in order or collecting all matches is faster. So the first documents in order are
   * scanned, which suffices for frequent words; otherwise all matches are collected.
   */
  async #firstRows(search: Search, count: number): Promise<Row[]> {
    const words = wordsIn(search.text ?? "");
    const { where, orderBy: by, key } = pageQuery(search);
    const conditions = where.sql();
    const select = async (from: string) => {
      const sql = `select document, ${key} as key, tenant, request_id from ${from} order by ${by} limit ${count}`;
      return (await this.#db.query<Row>(sql, where.values)).rows;
    };
    if (words.length === 0) return select(`tracking.documents ${conditions}`);

    const nearestRows = `from tracking.documents ${conditions} order by ${by} limit ${SCAN_LIMIT}`;
    const scanValues = [...where.values];
    const wordCondition = containsWords(where, words);
    const scanned = await select(`(select * ${nearestRows}) near where ${wordCondition}`);
    if (scanned.length === count) return scanned;
    const { rows } = await this.#db.query(`select count(*)::int as near from (select ${nearestRows}) near`, scanValues);
    if (rows[0].near < SCAN_LIMIT) return scanned;
    where.add(wordCondition);
    // offset 0 forces Postgres to search first and sort afterwards.
    return select(`(select * from tracking.documents ${where.sql()} offset 0) found`);
  }

  async summarize(filter: Filter): Promise<Summary> {
    const where = new Conditions(filter);
    const words = wordsIn(filter.text ?? "");
    if (words.length > 0) where.add(containsWords(where, words));
    const { rows } = await this.#db.query(
      `with found as materialized
         (select status, error_type, queue_ms, execution_ms, nullif(total_ms, -1) as total_ms from tracking.documents ${where.sql()})
       select (select count(*)::int from found) as total,
         (select coalesce(jsonb_object_agg(status, n), '{}') from (select status, count(*) n from found group by status) s) as "byStatus",
         (select coalesce(jsonb_object_agg(error_type, n), '{}') from (select error_type, count(*) n from found where error_type is not null group by error_type) e) as "byErrorType",
         ${["queue_ms", "execution_ms", "total_ms"].map((name) => `(select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by ${name}) from found) as ${name}`)}`,
      where.values,
    );
    const { total, byStatus, byErrorType, queue_ms, execution_ms, total_ms } = rows[0];
    const namePercentiles = (list: (number | null)[] | null) => ({
      p50: list?.[0] ?? null,
      p95: list?.[1] ?? null,
      p99: list?.[2] ?? null,
    });
    return {
      total,
      byStatus,
      byErrorType,
      percentiles: {
        queueMs: namePercentiles(queue_ms),
        executionMs: namePercentiles(execution_ms),
        totalMs: namePercentiles(total_ms),
      },
    };
  }

  async expire(before: string): Promise<number> {
    const { rowCount } = await this.#db.query(
      "delete from tracking.documents where created_at < $1 and finished_at > '-infinity'",
      [before],
    );
    return rowCount ?? 0;
  }
}
