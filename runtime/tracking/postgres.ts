import type pg from "pg";
import {
  type Document,
  type Filter,
  InvalidCursor,
  type Page,
  type Search,
  type Summary,
  type TrackingStore,
} from "./store.ts";
import { wordsIn, wordsOf } from "./words.ts";

const SORTS = {
  createdAt: { column: "created_at", type: "timestamptz" },
  finishedAt: { column: "finished_at", type: "timestamptz" },
  totalMs: { column: "total_ms", type: "bigint" },
} as const;

/** The tracking store in the platform's own Postgres: for stacks that are scaled down. */
export class PostgresTracking implements TrackingStore {
  readonly #db: Pick<pg.Pool, "query">;

  constructor(db: Pick<pg.Pool, "query">) {
    this.#db = db;
  }

  async put(documents: readonly { version: number; document: Document }[]): Promise<void> {
    // Each document once, and in the order of their keys, so that two writers never wait for each other in a circle.
    await this.#db.query(
      `insert into tracking.documents
         (tenant, request_id, version, document, status, type, runner, created_at, finished_at, total_ms, queue_ms, execution_ms, error_type, labels, words)
       select distinct on (1, 2) d->>'tenant', d->>'requestId', (o.v->>'version')::bigint, d, d->>'status', d->'task'->>'type', d->>'runner',
         (d->>'createdAt')::timestamptz, coalesce((d->>'finishedAt')::timestamptz, '-infinity'), coalesce((d->'stats'->>'totalMs')::bigint, -1),
         (d->'stats'->>'queueMs')::bigint, (d->'stats'->>'executionMs')::bigint, d->'error'->>'type',
         array(select key || '=' || value from jsonb_each_text(d->'labels')),
         array_to_tsvector(array(select jsonb_array_elements_text(o.v->'words')))
       from jsonb_array_elements($1::jsonb) o(v), lateral (select o.v->'document' as d) x
       order by 1, 2, 3 desc
       on conflict (tenant, request_id) do update set
         version = excluded.version, document = excluded.document, status = excluded.status, type = excluded.type, runner = excluded.runner,
         created_at = excluded.created_at, finished_at = excluded.finished_at, total_ms = excluded.total_ms,
         queue_ms = excluded.queue_ms, execution_ms = excluded.execution_ms, error_type = excluded.error_type,
         labels = excluded.labels, words = excluded.words
       where documents.version < excluded.version`,
      [JSON.stringify(documents.map((one) => ({ ...one, words: wordsOf(one.document) })))],
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
    const { column, type } = SORTS[sort];
    // Within one tenant its name orders nothing, and would keep the tenant's own index from being used.
    const key = search.tenant === undefined ? [column, "tenant", "request_id"] : [column, "request_id"];
    if (cursor !== undefined) {
      const [value, tenant, requestId] = decode(cursor, sort);
      const at = { [column]: `${where.value(value)}::${type}`, tenant, request_id: requestId };
      const bounds = key.map((name) => (name === column ? at[name] : where.value(at[name])));
      where.add(`(${key}) ${order === "desc" ? "<" : ">"} (${bounds})`);
    }
    const { rows } = await this.#db.query(
      `select document, ${column}::text as key, tenant, request_id from tracking.documents ${where.sql()}
       order by ${key.map((name) => `${name} ${order}`)} limit ${where.value(limit + 1)}`,
      where.values,
    );
    const page = rows.slice(0, limit);
    const end = rows.length > limit ? page.at(-1) : undefined;
    return {
      documents: page.map((row) => row.document),
      cursor: end && encode([sort, end.key, end.tenant, end.request_id]),
    };
  }

  async summarise(filter: Filter): Promise<Summary> {
    const where = new Conditions(filter);
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
    const named = (list: (number | null)[] | null) => ({
      p50: list?.[0] ?? null,
      p95: list?.[1] ?? null,
      p99: list?.[2] ?? null,
    });
    return {
      total,
      byStatus,
      byErrorType,
      percentiles: { queueMs: named(queue_ms), executionMs: named(execution_ms), totalMs: named(total_ms) },
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

/** The WHERE of a search, its values as parameters. */
class Conditions {
  readonly values: unknown[] = [];
  readonly #parts: string[] = [];

  constructor({ tenant, text, status, type, runner, labels, createdFrom, createdTo }: Filter) {
    if (tenant !== undefined) this.add(`tenant = ${this.value(tenant)}`);
    // One state by itself, and not as a list of one: then its index gives the order of a page too.
    if (status?.length === 1) this.add(`status = ${this.value(status[0])}`);
    else if (status !== undefined) this.add(`status = any (${this.value(status)})`);
    if (type !== undefined) this.add(`type = ${this.value(type)}`);
    if (runner !== undefined) this.add(`runner = ${this.value(runner)}`);
    if (createdFrom !== undefined) this.add(`created_at >= ${this.value(createdFrom)}`);
    if (createdTo !== undefined) this.add(`created_at < ${this.value(createdTo)}`);
    if (labels !== undefined) {
      const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      this.add(`labels @> ${this.value(pairs)}::text[]`);
    }
    // Words are letters and digits only, so that none can be mistaken for an operator.
    const words = text === undefined ? [] : wordsIn(text);
    if (words.length > 0) this.add(`words @@ ${this.value(words.map((word) => `'${word}':*`).join(" & "))}::tsquery`);
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

const encode = (key: [sort: string, ...string[]]) => Buffer.from(JSON.stringify(key)).toString("base64url");

/** Where a page ended: [value, tenant, requestId]. The value is one of its sort's type: everything else is refused here. */
function decode(cursor: string, sort: keyof typeof SORTS): [string, string, string] {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (cause) {
    throw new InvalidCursor({ cause });
  }
  if (!Array.isArray(key) || key.length !== 4 || !key.every((part) => typeof part === "string" && !part.includes("\0")))
    throw new InvalidCursor();
  const [of, value, tenant, requestId] = key;
  if (of !== sort || !VALUE[SORTS[sort].type].test(value)) throw new InvalidCursor();
  return [value, tenant, requestId];
}

/** The forms in which Postgres writes values of a sort. */
const VALUE = {
  bigint: /^-?\d{1,18}$/,
  timestamptz: /^(-infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?)$/,
} as const;
