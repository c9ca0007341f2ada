import type pg from "pg";
import { type PricedDays, ratesJson } from "./answer.ts";
import { dayName } from "./calendar.ts";
import type { RatesQuery } from "./query.ts";

/**
 * The days with prices of many lanes at once, a row for each that has any. Every average is the original's: of
 * numeric, then as float8, and none where there are fewer than three prices.
 */
const STATEMENT = {
  name: "rates",
  text: `
    select asked.ordinality, priced.*
    from unnest($1::text[], $2::text[], $3::date[], $4::date[])
      with ordinality as asked(origin, destination, first, last, ordinality)
    cross join lateral (
      select array_agg(day - asked.first), array_agg(count), array_agg(price)
      from (
        select day, count(*), case when count(*) >= 3 then avg(price)::float8 end as price
        from public.prices
        where orig_code = asked.origin and dest_code = asked.destination and day between asked.first and asked.last
        group by day
        order by day
      ) days
    ) priced`,
  rowMode: "array",
  // As text: nothing is parsed that is only written out again.
  types: { getTypeParser: () => (value: unknown) => value },
} as const;

/** Statements under way at once. More only share the same two cores of a small instance, in smaller batches. */
const STATEMENTS = 2;
/** Requests, and days of them, that one statement answers at most: none waits long for its neighbours. */
const MAX_REQUESTS = 32;
const MAX_DAYS = 4_000;

interface Waiting {
  query: RatesQuery;
  answer: (json: string) => void;
  fail: (error: unknown) => void;
}

/**
 * Answers GET /rates from the database. Requests that arrive while its statements are under way share the next one: a
 * quiet server answers each at once, a busy one saves most of what a statement costs beside its rows. Nothing is kept.
 */
export class RatesReader {
  readonly #db: pg.Pool;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #scheduled = false;

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  /** The answer's JSON text. Rejects with the database's error. */
  read(query: RatesQuery): Promise<string> {
    return new Promise((answer, fail) => {
      this.#waiting.push({ query, answer, fail });
      if (this.#scheduled || this.#running >= STATEMENTS) return;
      this.#scheduled = true;
      // After all requests that came with this turn of the event loop.
      setImmediate(() => {
        this.#scheduled = false;
        this.#start();
      });
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#running < STATEMENTS) {
      const share = Math.ceil(this.#waiting.length / (STATEMENTS - this.#running));
      void this.#answer(this.#take(Math.min(share, MAX_REQUESTS)));
    }
  }

  #take(requests: number): Waiting[] {
    let days = 0;
    let count = 0;
    for (const { query } of this.#waiting) {
      days += query.to - query.from;
      if (count > 0 && (count === requests || days > MAX_DAYS)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    this.#running++;
    try {
      const queries = batch.map(({ query }) => query);
      const values = [
        queries.map(({ origin }) => origin),
        queries.map(({ destination }) => destination),
        queries.map(({ from }) => dayName(from)),
        queries.map(({ to }) => dayName(to)),
      ];
      const { rows } = await this.#db.query<[string, ...PricedDays]>({ ...STATEMENT, values });
      for (const [ordinal, ...days] of rows) {
        const one = batch[Number(ordinal) - 1];
        one?.answer(ratesJson(one.query, days));
      }
    } catch (error) {
      for (const { fail } of batch) fail(error);
    } finally {
      this.#running--;
      this.#start();
    }
  }
}
