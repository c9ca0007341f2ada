import assert from "node:assert/strict";
import fc from "fast-check";
import pg from "pg";
import { fixtureDatabase, migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import { readSettings } from "../../platform/settings.ts";
import { bindParams, findQuery } from "../../queries/catalogue.ts";
import { trackingStore } from "../../tracking/index.ts";
import { createApp } from "../app.ts";
import { dayNumber, RatesReader } from "../ratesReader.ts";

/** The original service's statement (xeneta/operations-task, rates/rates.py), with added casts and `$n` parameters. */
const ORIGINAL = `SELECT CASE WHEN a.count < 3 THEN null ELSE a.price END AS price, d.day::text, a.count
  FROM (SELECT (generate_series($1::timestamp, $2::timestamp, '1 day'::interval))::date as day) d
  LEFT OUTER JOIN (
    SELECT AVG(price)::float8 AS price, day, COUNT(*)::int AS count FROM prices
    WHERE orig_code = $3 AND dest_code = $4 AND day >= $1::date AND day <= $2::date
    GROUP BY day, orig_code, dest_code) AS a ON d.day = a.day
  ORDER BY day DESC`;

describe("GET /rates", () => {
  let database: Scratch;
  let admin: pg.Client;
  let db: pg.Pool;
  let app: Awaited<ReturnType<typeof createApp>>;
  let ports: string[];
  before(async () => {
    database = await fixtureDatabase();
    admin = await database.connect();
    const url = new URL(database.url);
    url.username = "api_reader";
    db = new pg.Pool({ connectionString: url.href, max: 4 });
    const settings = readSettings({ RATES_SETTINGS: '{"api": {"openRates": true, "ratesDays": 400}}' });
    app = await createApp({
      db,
      plans: db,
      settings,
      tracking: trackingStore(settings, db),
      cloud: undefined,
      logLevel: "silent",
    });
    ports = (await admin.query("select code from ports order by 1")).rows.map((row) => row.code);
  });
  after(async () => {
    await app.close();
    await db.end();
    await database.drop();
  });

  const get = (query: Record<string, string> | string, headers = {}) =>
    app.inject({ url: `/rates?${typeof query === "string" ? query : new URLSearchParams(query)}`, headers });
  const march = { date_from: "2021-03-01", date_to: "2021-03-31", orig_code: "CNGGZ", dest_code: "EETLL" };
  const problems = async (query: Record<string, string> | string) => {
    const response = await get(query);
    assert.equal(response.statusCode, 400);
    assert.match(response.headers["content-type"] ?? "", /^application\/problem\+json/);
    return response
      .json()
      .problems.map(({ field, message }: { field: string; message: string }) => `${field} ${message}`);
  };

  it("returns the same days, counts and prices as the original for any lane and range", async () => {
    const day = fc
      .integer({ min: -10, max: 45 })
      .map((offset) => new Date(Date.UTC(2021, 2, 1 + offset)).toISOString().slice(0, 10));
    const code = fc.constantFrom(...ports, "XXXXX");
    await fc.assert(
      fc.asyncProperty(day, day, code, code, async (date_from, date_to, orig_code, dest_code) => {
        const response = await get({ date_from, date_to, orig_code, dest_code });
        assert.equal(response.statusCode, 200);
        const { rows } = await admin.query(ORIGINAL, [date_from, date_to, orig_code, dest_code]);
        assert.deepEqual(response.json(), { rates: rows.map(({ count, day, price }) => ({ count, day, price })) });
      }),
      { numRuns: 150 },
    );
  });

  it("accepts a region's slug for every port in it and in its subregions", async () => {
    const slugs = (await admin.query("select slug from regions order by 1")).rows.map((row) => row.slug);
    const place = fc.constantFrom(...slugs, ...slugs, ...ports, "XXXXX");
    let rowCount = 0;
    await fc.assert(
      fc.asyncProperty(place, place, async (orig_code, dest_code) => {
        const { rates } = (await get({ ...march, orig_code, dest_code })).json();
        const { rows } = await admin.query(
          `with recursive edges(parent, child) as (
             select parent_slug, slug from regions union all select parent_slug, code from ports),
           below(place, code) as (
             select child, child from edges union select place, child from below join edges on parent = code)
           select day::text, count(*)::int, case when count(*) >= 3 then avg(price)::float8 end as price from prices
           where orig_code in (select code from below where place = $1) and dest_code in (select code from below where place = $2)
             and day between $3 and $4 group by day order by day desc`,
          [orig_code, dest_code, march.date_from, march.date_to],
        );
        assert.equal(rates.length, 31);
        assert.deepEqual(
          rates.filter(({ count }: { count: number | null }) => count !== null),
          rows.map(({ count, day, price }) => ({ count, day, price })),
        );
        rowCount += rows.length;
      }),
      { numRuns: 100 },
    );
    assert.ok(rowCount > 0, "the fixture has prices between regions");
  });

  it("returns the double nearest to each average, as the named queries do", async () => {
    const [orig_code = "", dest_code = ""] = ports;
    const lane = { date_from: "2030-01-01", date_to: "2030-12-31", orig_code, dest_code };
    // avg() divides with a limited number of decimals: about 1 of 50 of these averages would differ in its last digit.
    await admin.query(
      `insert into prices (orig_code, dest_code, day, price)
       select $3, $4, day::date, 1 + floor(random() * 200000)
       from generate_series($1::timestamp, $2, '1 day') with ordinality days(day, n), generate_series(1, 3 + n % 40)`,
      Object.values(lane),
    );
    try {
      const { rows } = await admin.query(
        "select day::text, count(*)::int, sum(price)::int from prices where day >= $1 group by 1 order by 1 desc",
        [lane.date_from],
      );
      const expected = rows.map(({ day, count, sum }) => ({ count, day, price: sum / count }));
      assert.equal(expected.length, 365);
      assert.deepEqual((await get(lane)).json(), { rates: expected });
      const named = async (name: string) =>
        (await admin.query(bindParams(findQuery(name) ?? assert.fail(name), lane))).rows;
      assert.deepEqual(
        (await named("average_rates")).map(({ price }) => price),
        expected.map(({ price }) => price),
      );
      assert.deepEqual(
        (await named("price_history")).map(({ average }) => average),
        expected.map(({ price }) => price).reverse(),
      );
    } finally {
      await admin.query("delete from prices where day >= $1", [lane.date_from]);
    }
  });

  it("uses the index after the first load, although the plan was cached while the table was empty", async () => {
    const empty = await migratedDatabase();
    const client = await empty.connect();
    try {
      await client.query("analyze prices");
      const read = async () =>
        (await client.query("select public.daily_sums('{AAAAA}', '{BBBBB}', '{2021-01-01}', '{2021-01-31}')")).rows;
      for (let call = 0; call < 10; call++) assert.deepEqual(await read(), [{ daily_sums: null }]);
      await client.query("insert into regions (slug, name) values ('world', 'World')");
      await client.query(
        "insert into ports (code, name, parent_slug) values ('AAAAA', 'A', 'world'), ('BBBBB', 'B', 'world')",
      );
      await client.query(
        "insert into prices select 'AAAAA', 'BBBBB', date '2021-01-01' + n % 20, n from generate_series(1, 2000) n",
      );
      await client.query("begin");
      assert.match((await read())[0].daily_sums, /^2021-01-20,100,\d+;2021-01-19,/);
      const { rows } = await client.query(
        "select seq_scan::int, idx_scan::int from pg_stat_xact_user_tables where relname = 'prices'",
      );
      assert.ok(rows[0].seq_scan === 0 && rows[0].idx_scan > 0, JSON.stringify(rows));
    } finally {
      await empty.drop();
    }
  });

  it("responds to concurrent requests, each with its own prices", async () => {
    const lanes = ports.flatMap((orig_code) => ports.map((dest_code) => ({ ...march, orig_code, dest_code })));
    const alone = [];
    for (const lane of lanes) alone.push((await get(lane)).body);
    const together = await Promise.all(lanes.map((lane) => get(lane)));
    assert.deepEqual(
      together.map((response) => response.body),
      alone,
    );
    assert.equal(new Set(alone).size > 2, true);
  });

  it("responds to long and short ranges together, in several statements", async () => {
    let statements = 0;
    const count = () => {
      statements++;
    };
    db.on("acquire", count);
    const ranges = Array.from({ length: 60 }, (_, index) => ({
      ...march,
      date_from: index % 2 === 0 ? "2020-03-01" : "2021-03-01",
    }));
    const bodies = (await Promise.all(ranges.map((range) => get(range)))).map((response) => response.body);
    db.off("acquire", count);
    assert.ok(statements > 1 && statements < ranges.length, `${statements} statements`);
    assert.deepEqual(new Set(bodies), new Set([(await get(ranges[0] ?? "")).body, (await get(march)).body]));
    assert.deepEqual(
      bodies.map((body) => JSON.parse(body).rates.length),
      ranges.map(({ date_from }) => (date_from === "2021-03-01" ? 31 : 396)),
    );
  });

  it("limits the days per statement, so that no request waits long for others", async () => {
    const statements: number[] = [];
    const pool = {
      query: async ({ values: [, , first, last] }: { values: string[][] }) => {
        const days = (first ?? []).map((from, index) => dayNumber(last?.[index] ?? "") - dayNumber(from));
        statements.push(days.reduce((sum, count) => sum + count, 0));
        return { rows: days.map(() => [null]) };
      },
    };
    const reader = new RatesReader(pool as never, 1);
    const year = { from: "2020-01-01", to: "2020-12-31", origin: "A", destination: "B" };
    await Promise.all(Array.from({ length: 60 }, () => reader.read(year)));
    assert.deepEqual(statements, [2_920, 7_665, 7_665, 3_650], "the first eight are sent at once");
    statements.length = 0;
    await reader.read({ ...year, from: "1990-01-01" });
    assert.deepEqual(statements, [11_322], "a single query is sent, however long its range");
  });

  it("reports a database failure to all waiting callers, and serves later ones", async () => {
    let isFailing = true;
    const query = async ({ values: [from] }: { values: string[][] }) => {
      if (isFailing) throw new Error("gone");
      return { rows: from?.map(() => ["2021-03-01,1,"]) };
    };
    const reader = new RatesReader({ query } as never, 1);
    const request = { from: "2021-03-01", to: "2021-03-01", origin: "A", destination: "B" };
    const responses = await Promise.allSettled(Array.from({ length: 3 }, () => reader.read(request)));
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set(["rejected"]));
    isFailing = false;
    assert.equal(await reader.read(request), "2021-03-01,1,");
  });

  it("responds to unknown ports with nulls, and a range that ends before it begins with an empty list", async () => {
    assert.deepEqual((await get({ ...march, date_to: "2021-03-01", orig_code: "NOPE" })).json(), {
      rates: [{ count: null, day: "2021-03-01", price: null }],
    });
    assert.deepEqual((await get({ ...march, date_to: "2021-02-28" })).json(), { rates: [] });
  });

  it("reports every missing or invalid parameter", async () => {
    assert.deepEqual(await problems(""), [
      "date_from is missing.",
      "date_to is missing.",
      "orig_code is missing.",
      "dest_code is missing.",
    ]);
    assert.deepEqual(await problems({ ...march, date_from: "2021-02-29", date_to: "soon", dest_code: "" }), [
      "date_from must be a valid date (YYYY-MM-DD).",
      "date_to must be a valid date (YYYY-MM-DD).",
      "dest_code is missing.",
    ]);
    assert.deepEqual(await problems({ ...march, orig_code: "A\0" }), ["orig_code contains a NUL character."]);
  });

  it("parses dates like the original: months and days of one digit, but not the year 0", async () => {
    assert.equal((await get({ ...march, date_from: "2021-3-5", date_to: "2021-3-6" })).json().rates.length, 2);
    assert.equal((await problems({ ...march, date_from: "0000-01-01" })).length, 1);
    assert.equal((await get({ ...march, date_from: "9999-12-30", date_to: "9999-12-31" })).json().rates.length, 2);
    assert.equal(
      (await get({ ...march, date_from: "0001-01-01", date_to: "0001-01-02" })).json().rates[0].day,
      "0001-01-02",
    );
  });

  it("ignores unknown and repeated parameters and a trailing slash, like the original", async () => {
    const { body } = await get(march);
    for (const url of [
      `/rates?${new URLSearchParams(march)}&orig_code=A&date_from=soon`,
      `/rates?${new URLSearchParams(march)}&utm_source=mail&_=1`,
      `/rates/?${new URLSearchParams(march)}`,
    ]) {
      const response = await app.inject({ url });
      assert.equal(response.statusCode, 200, response.body);
      assert.equal(response.body, body, url);
    }
  });

  it("limits the length of the range", async () => {
    assert.equal((await get({ ...march, date_to: "2022-04-04" })).statusCode, 200);
    assert.deepEqual(await problems({ ...march, date_to: "2022-04-05" }), [
      "date_to makes a range of more than 400 days. Request a shorter range, or submit a read job.",
    ]);
  });

  it("returns 304 if the client already has the response", async () => {
    const first = await get(march);
    const again = await get(march, { "if-none-match": String(first.headers.etag) });
    assert.deepEqual([again.statusCode, again.body], [304, ""]);
    for (const header of [`W/${first.headers.etag}`, `"x", ${first.headers.etag}`])
      assert.equal((await get(march, { "if-none-match": header })).statusCode, 304, header);
    const other = await get({ ...march, date_to: "2021-03-30" }, { "if-none-match": String(first.headers.etag) });
    assert.equal(other.statusCode, 200);
  });
});
