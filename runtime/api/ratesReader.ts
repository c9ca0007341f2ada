import type pg from "pg";

/** Query of /rates: first and last day (YYYY-MM-DD, inclusive), origin, destination. */
export interface RatesQuery {
  from: string;
  to: string;
  origin: string;
  destination: string;
}

/** Result of STATEMENT for a query without prices whose origin or destination is a region. */
const REGION_MARKER = "region";
/**
 * Executes all waiting queries, each with one index-only scan. A result is `day,count,sum;…`, newest day first. It is
 * text, because decoding 31 rows of three columns in the driver costs as much as the query. The API divides, because an
 * average as text costs the database a quarter more.
 */
const STATEMENT = {
  name: "rates",
  text: "select public.daily_sums($1, $2, $3, $4)",
  rowMode: "array" as const,
};

/**
 * Executes one query whose origin or destination is a region. A region includes every port in it and in its subregions.
 */
const REGIONS = {
  name: "rates_of_regions",
  text: `select string_agg(day || ',' || count || ',' || sum, ';' order by day desc)
    from (select day, count(*) as count, sum(price) as sum from public.prices
          where orig_code = any ((select public.ports_of($1))::text[])
            and dest_code = any ((select public.ports_of($2))::text[]) and day between $3 and $4
          group by day order by day desc) priced`,
  rowMode: "array" as const,
};

/** Maximum numbers of queries and of their days per statement, so that no query waits long for others. */
const MAX_QUERIES = 64;
const MAX_DAYS = 8_000;
/**
 * Number of waiting queries that are sent at once. A statement with fewer costs the database more per query; with more,
 * the database is idle while the API parses requests.
 */
const EARLY_QUERIES = 8;

interface PendingQuery extends RatesQuery {
  resolve(result: string | null): void;
  reject(error: unknown): void;
}

/**
 * Reads average prices from Postgres. While the maximum number of statements runs, arriving queries are collected for
 * the next one: a single query is sent at once, and under load one round trip carries many. Nothing is cached.
 */
export class RatesReader {
  readonly #pool: pg.Pool;
  readonly #maxConcurrent: number;
  #running = 0;
  #waiting: PendingQuery[] = [];

  /**
   * @param maxConcurrent - Number of running statements at which new queries wait. Statements for regions count too, but
   * do not wait.
   */
  constructor(pool: pg.Pool, maxConcurrent: number) {
    this.#pool = pool;
    this.#maxConcurrent = maxConcurrent;
  }

  /** Reads `day,count,sum;…`; null if the range has no prices. */
  read(query: RatesQuery): Promise<string | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...query, resolve, reject });
      if (this.#running >= this.#maxConcurrent) return;
      // Waits for the other queries of this tick, but not while the database could begin with several.
      if (this.#waiting.length >= EARLY_QUERIES) this.#startNext();
      else if (this.#waiting.length === 1) setImmediate(() => this.#startNext());
    });
  }

  #startNext(): void {
    if (this.#waiting.length === 0 || this.#running >= this.#maxConcurrent) return;
    const queries = this.#waiting.splice(0, this.#nextBatchSize());
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
            const result = rows[index]?.[0] ?? null;
            if (result === REGION_MARKER) this.#queryRegions(query);
            else query.resolve(result);
          }
        },
        (error: unknown) => {
          for (const query of queries) query.reject(error);
        },
      )
      .finally(() => {
        this.#running--;
        this.#startNext();
      });
    // Queries beyond one statement's maximum start another statement.
    this.#startNext();
  }

  #queryRegions({ origin, destination, from, to, resolve, reject }: PendingQuery): void {
    this.#running++;
    this.#pool
      .query<[string | null]>({ ...REGIONS, values: [origin, destination, from, to] })
      .then(({ rows }) => resolve(rows[0]?.[0] ?? null), reject)
      .finally(() => {
        this.#running--;
        this.#startNext();
      });
  }

  /** Returns the number of waiting queries for the next statement: at least one, however long its range. */
  #nextBatchSize(): number {
    let days = 0;
    for (const [index, { from, to }] of this.#waiting.entries()) {
      days += dayNumber(to) - dayNumber(from);
      if (index === MAX_QUERIES || (index > 0 && days > MAX_DAYS)) return index;
    }
    return this.#waiting.length;
  }
}

const DAY_MS = 86_400_000;
/** Days formatted as YYYY-MM-DD. Queries contain few distinct days. */
const formattedDays = new Map<number, string>();
const MAX_FORMATTED_DAYS = 100_000;

/** Formats a day, counted from 1970-01-01, as YYYY-MM-DD. */
export function formatDay(day: number): string {
  let name = formattedDays.get(day);
  if (name === undefined) {
    if (formattedDays.size >= MAX_FORMATTED_DAYS) formattedDays.clear();
    name = new Date(day * DAY_MS).toISOString().slice(0, 10);
    formattedDays.set(day, name);
  }
  return name;
}

/** Converts YYYY-MM-DD to the number of days since 1970-01-01. */
export const dayNumber = (day: string): number => Date.parse(day) / DAY_MS;

/** Minimum number of prices of a day for which their average is shown. */
const MIN_PRICES = 3;

/**
 * Formats the response of /rates as JSON: one entry per day of the range, newest first.
 * @param result - `day,count,sum;…` of the days with prices, newest first; null if no day has prices.
 */
export function ratesJson({ from, to }: RatesQuery, result: string | null): string {
  const first = dayNumber(from);
  let json = '{"rates":[';
  let at = 0;
  for (let day = dayNumber(to); day >= first; day--) {
    const name = formatDay(day);
    let count: number | null = null;
    let price: number | null = null;
    if (result?.startsWith(name, at)) {
      const comma = result.indexOf(",", at + 11);
      let end = result.indexOf(";", comma);
      if (end === -1) end = result.length;
      count = Number(result.slice(at + 11, comma));
      if (count >= MIN_PRICES) price = Number(result.slice(comma + 1, end)) / count;
      at = end + 1;
    }
    json += `${json.length > 10 ? "," : ""}{"count":${count},"day":"${name}","price":${price}}`;
  }
  return `${json}]}`;
}
