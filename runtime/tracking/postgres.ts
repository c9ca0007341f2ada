import type pg from "pg";
import type { Document, Page, Search, Summary, TrackingStore } from "./store.ts";

const SORTS = { createdAt: "created_at", finishedAt: "finished_at", totalMs: "total_ms" } as const;
/** Documents without the sorted value come last whichever the order; the cursor needs a value for them. */
const LAST = {
  createdAt: "'-infinity'::timestamptz",
  finishedAt: "'-infinity'::timestamptz",
  totalMs: "-1::bigint",
} as const;

/** The tracking store in the platform's own Postgres: for stacks that are scaled down. */
export class PostgresTracking implements TrackingStore {
  readonly #db: Pick<pg.Pool, "query">;

  constructor(db: Pick<pg.Pool, "query">) {
    this.#db = db;
  }

  async put(documents: readonly { version: number; document: Document }[]): Promise<void> {
    // In key order, so that two writers never wait for each other in a circle.
    await this.#db.query(
      `insert into tracking.documents
         (tenant, request_id, version, document, status, type, runner, created_at, finished_at, total_ms, error_type, words)
       select d->>'tenant', d->>'requestId', (o.v->>'version')::bigint, d, d->>'status', d->'task'->>'type', d->>'runner',
         (d->>'createdAt')::timestamptz, (d->>'finishedAt')::timestamptz, (d->'stats'->>'totalMs')::bigint, d->'error'->>'type',
         to_tsvector('simple', translate(concat_ws(' ', d->>'requestId', d->>'tenant', d->>'status', d->'task', d->'labels', d->'error'), '-_.:/"{},', '         '))
       from jsonb_array_elements($1::jsonb) o(v), lateral (select o.v->'document' as d) x
       order by 1, 2
       on conflict (tenant, request_id) do update set
         version = excluded.version, document = excluded.document, status = excluded.status, type = excluded.type, runner = excluded.runner,
         created_at = excluded.created_at, finished_at = excluded.finished_at, total_ms = excluded.total_ms,
         error_type = excluded.error_type, words = excluded.words
       where documents.version < excluded.version`,
      [JSON.stringify(documents)],
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
    const { sort = "createdAt", order = "desc", limit, cursor } = search;
    const where = new Conditions(search);
    const key = sort === "createdAt" ? SORTS[sort] : `coalesce(${SORTS[sort]}, ${LAST[sort]})`;
    const sign = order === "desc" ? "<" : ">";
    if (cursor) {
      const [value, tenant, requestId] = decode(cursor);
      const at = [where.value(value), where.value(tenant), where.value(requestId)];
      const type = sort === "totalMs" ? "bigint" : "timestamptz";
      where.add(`(${key}, tenant, request_id) ${sign} (${at[0]}::${type}, ${at[1]}, ${at[2]})`);
    }
    const { rows } = await this.#db.query(
      `select document, ${key}::text as key, tenant, request_id from tracking.documents ${where.sql()}
       order by ${key} ${order}, tenant ${order}, request_id ${order} limit ${where.value(limit + 1)}`,
      where.values,
    );
    const page = rows.slice(0, limit);
    const end = rows.length > limit ? page.at(-1) : undefined;
    return { documents: page.map((row) => row.document), cursor: end && encode([end.key, end.tenant, end.request_id]) };
  }

  async summarise(search: Omit<Search, "limit" | "cursor" | "sort" | "order">): Promise<Summary> {
    const where = new Conditions(search);
    const percentiles = (name: string) =>
      `percentile_cont(array[0.5, 0.95, 0.99]) within group (order by (document->'stats'->>'${name}')::float8) as "${name}"`;
    const { rows } = await this.#db.query(
      `with found as materialized (select status, error_type, document from tracking.documents ${where.sql()})
       select (select count(*)::int from found) as total,
         (select coalesce(jsonb_object_agg(status, n), '{}') from (select status, count(*) n from found group by status) s) as "byStatus",
         (select coalesce(jsonb_object_agg(error_type, n), '{}') from (select error_type, count(*) n from found where error_type is not null group by error_type) e) as "byErrorType",
         p.* from (select ${percentiles("queueMs")}, ${percentiles("executionMs")}, ${percentiles("totalMs")} from found) p`,
      where.values,
    );
    const { total, byStatus, byErrorType, queueMs, executionMs, totalMs } = rows[0];
    const named = (list: (number | null)[] | null) => ({
      p50: list?.[0] ?? null,
      p95: list?.[1] ?? null,
      p99: list?.[2] ?? null,
    });
    return {
      total,
      byStatus,
      byErrorType,
      percentiles: { queueMs: named(queueMs), executionMs: named(executionMs), totalMs: named(totalMs) },
    };
  }

  async expire(before: string): Promise<number> {
    return (
      (
        await this.#db.query("delete from tracking.documents where created_at < $1 and finished_at is not null", [
          before,
        ])
      ).rowCount ?? 0
    );
  }
}

/** The WHERE of a search, its values as parameters. */
class Conditions {
  readonly values: unknown[] = [];
  readonly #parts: string[] = [];

  constructor(search: Omit<Search, "limit">) {
    const { tenant, text, status, type, runner, labels, createdFrom, createdTo } = search;
    if (tenant !== undefined) this.add(`tenant = ${this.value(tenant)}`);
    if (status !== undefined) this.add(`status = any (${this.value(status)})`);
    if (type !== undefined) this.add(`type = ${this.value(type)}`);
    if (runner !== undefined) this.add(`runner = ${this.value(runner)}`);
    if (createdFrom !== undefined) this.add(`created_at >= ${this.value(createdFrom)}`);
    if (createdTo !== undefined) this.add(`created_at < ${this.value(createdTo)}`);
    if (labels !== undefined) this.add(`document->'labels' @> ${this.value(JSON.stringify(labels))}::jsonb`);
    // Every word, or the beginning of one; whatever is no word character separates words.
    const words = text?.toLowerCase().match(/[\p{L}\p{N}]+/gu);
    if (words) this.add(`words @@ to_tsquery('simple', ${this.value(words.map((word) => `${word}:*`).join(" & "))})`);
  }

  add(condition: string): void {
    this.#parts.push(condition);
  }

  value(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  sql(): string {
    return this.#parts.length > 0 ? `where ${this.#parts.join(" and ")}` : "";
  }
}

const encode = (key: string[]) => Buffer.from(JSON.stringify(key)).toString("base64url");
const decode = (cursor: string): string[] => JSON.parse(Buffer.from(cursor, "base64url").toString());
