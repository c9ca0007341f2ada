import type pg from "pg";

/** Query of /rates: first and last day (YYYY-MM-DD, inclusive), origin, destination. */
export interface RatesQuery {
  from: string;
  to: string;
  origin: string;
  destination: string;
}

/** Marker that STATEMENT returns for a query without prices whose origin or destination is a region. */
const REGION_MARKER = "region";
/**
 * Answers all waiting queries with one statement: each as `day,count,price;…`, newest day first, price empty for days
 * with fewer than three prices. One index-only scan per query. Returned as text, because decoding 31 rows of three
 * columns in the driver costs as much as the query.
 */
const STATEMENT = {
  name: "rates",
  text: `select coalesce((
      select string_agg(day || ',' || count || ',' || coalesce(price::text, ''), ';' order by day desc)
      from (select day, count(*) as count, case when count(*) >= 3 then avg(price)::float8 end as price
            from public.prices
            where orig_code = asked.origin and dest_code = asked.destination and day between asked.first and asked.last
            group by day) priced),
      case when exists (select from public.regions where slug in (asked.origin, asked.destination)) then '${REGION_MARKER}' end)
    from unnest($1::text[], $2::text[], $3::date[], $4::date[]) with ordinality asked (origin, destination, first, last, turn)
    order by turn`,
  rowMode: "array" as const,
};

/** Answers one query between regions. A region includes every port in it and in its subregions. */
const REGIONS = {
  name: "rates_of_regions",
  text: `select string_agg(day || ',' || count || ',' || coalesce(price::text, ''), ';' order by day desc)
    from (select day, count(*) as count, case when count(*) >= 3 then avg(price)::float8 end as price
          from public.prices
          where orig_code = any ((select public.ports_of($1))::text[])
            and dest_code = any ((select public.ports_of($2))::text[]) and day between $3 and $4
          group by day) priced`,
  rowMode: "array" as const,
};

/** Maximum number of queries, and of their days, per statement, so that none waits long for others. */
const MAX_QUERIES = 64;
const MAX_DAYS = 8_000;

interface Waiting extends RatesQuery {
  resolve(answer: string | null): void;
  reject(error: unknown): void;
}

/**
 * Reads average prices from Postgres. While statements run, arriving queries are collected for the next one: a single
 * query is sent at once, and under load one round trip carries many. Nothing is cached.
 */
export class RatesReader {
  readonly #pool: pg.Pool;
  readonly #parallel: number;
  #running = 0;
  #waiting: Waiting[] = [];

  /** @param parallel - Number of running statements at which new queries wait. Runs of REGIONS are not limited. */
  constructor(pool: pg.Pool, parallel: number) {
    this.#pool = pool;
    this.#parallel = parallel;
  }

  /** Reads `day,count,price;…`; null if the range has no prices. */
  read(query: RatesQuery): Promise<string | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...query, resolve, reject });
      // Waits for the other queries of this tick.
      if (this.#waiting.length === 1 && this.#running < this.#parallel) setImmediate(() => this.#next());
    });
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#running >= this.#parallel) return;
    const queries = this.#waiting.splice(0, this.#share());
    this.#running++;
    const values = [
      queries.map((query) => query.origin),
      queries.map((query) => query.destination),
      queries.map((query) => query.from),
      queries.map((query) => query.to),
    ];
    this.#pool
      .query<[string | null]>({ ...STATEMENT, values })
      .then(
        ({ rows }) => {
          for (const [index, query] of queries.entries()) {
            const answer = rows[index]?.[0] ?? null;
            if (answer === REGION_MARKER) this.#askRegions(query);
            else query.resolve(answer);
          }
        },
        (error: unknown) => {
          for (const query of queries) query.reject(error);
        },
      )
      .finally(() => {
        this.#running--;
        this.#next();
      });
    // Queries beyond one statement's maximum start another.
    this.#next();
  }

  #askRegions({ origin, destination, from, to, resolve, reject }: Waiting): void {
    this.#running++;
    this.#pool
      .query<[string | null]>({ ...REGIONS, values: [origin, destination, from, to] })
      .then(({ rows }) => resolve(rows[0]?.[0] ?? null), reject)
      .finally(() => {
        this.#running--;
        this.#next();
      });
  }

  /** Returns the number of waiting queries for the next statement: at least one, however long its range. */
  #share(): number {
    let days = 0;
    for (const [index, { from, to }] of this.#waiting.entries()) {
      days += dayNumber(to) - dayNumber(from);
      if (index === MAX_QUERIES || (index > 0 && days > MAX_DAYS)) return index;
    }
    return this.#waiting.length;
  }
}

const DAY_MS = 86_400_000;
/** Cache of days formatted as YYYY-MM-DD, of which few distinct ones occur. Prices are not cached. */
const names = new Map<number, string>();
const MAX_CACHED_NAMES = 100_000;

/** Returns YYYY-MM-DD of a day, counted from 1970. */
export function dayName(day: number): string {
  let name = names.get(day);
  if (name === undefined) {
    if (names.size >= MAX_CACHED_NAMES) names.clear();
    name = new Date(day * DAY_MS).toISOString().slice(0, 10);
    names.set(day, name);
  }
  return name;
}

/** Returns the days since 1970 of YYYY-MM-DD. */
export const dayNumber = (day: string): number => Date.parse(day) / DAY_MS;

/** Formats the answer of /rates as JSON: one entry per day of the range, newest first. */
export function ratesJson({ from, to }: RatesQuery, answer: string | null): string {
  const last = dayNumber(from);
  let json = '{"rates":[';
  let at = 0;
  for (let day = dayNumber(to); day >= last; day--) {
    const name = dayName(day);
    let count = "null";
    let price = "null";
    if (answer?.startsWith(name, at)) {
      const comma = answer.indexOf(",", at + 11);
      let end = answer.indexOf(";", comma);
      if (end === -1) end = answer.length;
      count = answer.slice(at + 11, comma);
      if (end > comma + 1) price = answer.slice(comma + 1, end);
      at = end + 1;
    }
    json += `${json.length > 10 ? "," : ""}{"count":${count},"day":"${name}","price":${price}}`;
  }
  return `${json}]}`;
}
