import assert from "node:assert/strict";
import type pg from "pg";
import { allQueries, allStatements, bindParams, findQuery, findStatement } from "../runtime/queries/catalogue.ts";
import type { ParamType, ParamValue } from "../runtime/queries/parameters.ts";
import { fixtureDatabase, type Scratch } from "./testing/database.ts";

/** Values by parameter type, for queries without an entry in PARAMS. */
const EXAMPLES: Record<ParamType, ParamValue> = {
  place: "CNSHA",
  text: "CNSHA",
  date: "2021-03-01",
  integer: 1,
  number: 1,
  boolean: true,
  "text[]": ["CNSHA"],
};
/** Params with which queries return rows of the fixture. */
const PARAMS: Record<string, Record<string, unknown>> = {
  average_rates: { date_from: "2021-03-01", date_to: "2021-03-05", orig_code: "CNSHA", dest_code: "SEGOT" },
  price_history: { orig_code: "CNSHA", dest_code: "SEGOT" },
  lane_coverage: { date_from: "2021-03-01", date_to: "2021-03-05" },
  price_export: {},
};

describe("the named queries, on the fixture", () => {
  let database: Scratch;
  let reader: pg.Client;
  before(async () => {
    database = await fixtureDatabase();
    reader = await database.connect("job_reader");
    // Returns dates as text and bigints as numbers.
    reader.setTypeParser(1082, String);
    reader.setTypeParser(20, Number);
  });
  after(() => database.drop());

  /** Runs a query as the read-only role that executes reads; returns rows as arrays. */
  const runQuery = async (name: string, params: Record<string, unknown> = {}) => {
    const query = findQuery(name);
    assert.ok(query, name);
    await reader.query("begin read only");
    try {
      const exampleParams =
        PARAMS[name] ?? Object.fromEntries(query.params.map((param) => [param.name, EXAMPLES[param.type]]));
      const text = bindParams(query, { ...exampleParams, ...params });
      return await reader.query<unknown[]>({ text, rowMode: "array" });
    } finally {
      await reader.query("rollback");
    }
  };
  const rows = async (name: string, params?: Record<string, unknown>) => (await runQuery(name, params)).rows;

  it("each return the columns that their headers declare, and rows for their example params", async () => {
    for (const query of allQueries()) {
      const { fields, rowCount } = await runQuery(query.name);
      const types = await reader.query(
        "select format_type(oid, null) as type from unnest($1::oid[]) with ordinality as t(oid, n) order by n",
        [fields.map(({ dataTypeID }) => dataTypeID)],
      );
      assert.deepEqual(
        fields.map(({ name }, index) => ({ name, type: types.rows[index].type })),
        query.columns.map(({ name, type }) => ({ name, type })),
        query.name,
      );
      if (query.name in PARAMS) assert.ok(rowCount, query.name);
    }
  });

  it("average_rates returns every day, newest first, with an average for days with at least three prices", async () => {
    assert.deepEqual(await rows("average_rates"), [
      ["2021-03-05", null, null],
      ["2021-03-04", 1050, 4],
      ["2021-03-03", null, null],
      ["2021-03-02", null, 2],
      ["2021-03-01", 3400 / 3, 3],
    ]);
  });

  it("average_rates covers all ports of a region and its descendants", async () => {
    assert.deepEqual(await rows("average_rates", { orig_code: "china", dest_code: "scandinavia" }), [
      ["2021-03-05", null, null],
      ["2021-03-04", 10_800 / 7, 7],
      ["2021-03-03", null, null],
      ["2021-03-02", 1550, 6],
      ["2021-03-01", 1225, 4],
    ]);
    assert.deepEqual(await rows("average_rates", { orig_code: "asia", dest_code: "europe", date_to: "2021-03-01" }), [
      ["2021-03-01", 1580, 5],
    ]);
  });

  it("average_rates returns every day even between places without prices, and refuses a range that ends before it begins", async () => {
    assert.deepEqual(await rows("average_rates", { dest_code: "nowhere", date_from: "2021-03-05" }), [
      ["2021-03-05", null, null],
    ]);
    await assert.rejects(rows("average_rates", { date_to: "2021-02-01" }), { code: "InvalidRequest" });
  });

  it("price_history returns the spread of each day with prices, oldest first", async () => {
    assert.deepEqual(await rows("price_history"), [
      ["2021-03-01", 3, 1000, 1100, 3400 / 3, 1300],
      ["2021-03-02", 2, 1000, 1100, 1100, 1200],
      ["2021-03-04", 4, 900, 1050, 1050, 1200],
    ]);
    assert.deepEqual(await rows("price_history", { date_from: "2021-03-02", date_to: "2021-03-03" }), [
      ["2021-03-02", 2, 1000, 1100, 1100, 1200],
    ]);
  });

  it("lane_coverage counts full, thin and missing days of each lane", async () => {
    assert.deepEqual(await rows("lane_coverage"), [
      ["CNNGB", "NOAES", 1, 1, 3, 4, "2021-03-02", "2021-03-04"],
      ["CNSHA", "NOOSL", 1, 1, 3, 4, "2021-03-01", "2021-03-02"],
      ["CNSHA", "SEGOT", 2, 1, 2, 9, "2021-03-01", "2021-03-04"],
      ["JPTYO", "PLGDY", 1, 1, 3, 5, "2021-03-01", "2021-03-05"],
      ["SEGOT", "CNSHA", 1, 0, 4, 3, "2021-03-01", "2021-03-01"],
    ]);
    assert.deepEqual(
      await rows("lane_coverage", { orig_code: "china", dest_code: "norway", date_from: "2021-03-04" }),
      [["CNNGB", "NOAES", 1, 0, 1, 3, "2021-03-04", "2021-03-04"]],
    );
  });

  it("price_export returns all prices or the filtered ones", async () => {
    assert.equal((await rows("price_export")).length, 25);
    assert.equal((await rows("price_export", { orig_code: "asia" })).length, 22);
    assert.equal((await rows("price_export", { orig_code: "china", dest_code: "norway" })).length, 8);
    assert.deepEqual(
      await rows("price_export", { date_from: "2021-03-02", date_to: "2021-03-03", dest_code: "NOAES" }),
      [["CNNGB", "NOAES", "2021-03-02", 2000]],
    );
  });

  it("price_export reads the table without sorting if nothing is filtered", async () => {
    const query = findQuery("price_export");
    assert.ok(query);
    const { rows: plan } = await reader.query(`explain ${bindParams(query, {})}`);
    assert.equal(plan.length, 1);
    assert.match(plan[0]["QUERY PLAN"], /^(Seq|Index Only) Scan .*on prices/);
  });

  it("purge_prices deletes the prices before a day", async () => {
    const purge = findStatement("purge_prices");
    assert.ok(purge);
    assert.equal(allStatements().length, 1);
    const writer = await database.connect("job_writer");
    await writer.query("begin");
    const { rowCount } = await writer.query(bindParams(purge, { before: "2021-03-02" }));
    assert.equal(rowCount, 8);
    assert.equal((await writer.query("select from public.prices where day < '2021-03-02'")).rowCount, 0);
    assert.equal((await writer.query("select from public.prices where day = '2021-03-02'")).rowCount, 6);
    await writer.query("rollback");
  });

  it("cannot delete, because the role that executes reads may not", async () => {
    const purge = findStatement("purge_prices");
    assert.ok(purge);
    await assert.rejects(
      reader.query(bindParams(purge, { before: "2021-03-02" })),
      /read-only transaction|permission denied/,
    );
    await assert.rejects(
      reader
        .query(`begin read write; ${bindParams(purge, { before: "2021-03-02" })}`)
        .finally(() => reader.query("rollback")),
      { code: "42501" },
    );
  });

  it("call ports_of, which returns the ports of a place even if regions form a cycle", async () => {
    const superuser = await database.connect();
    await superuser.query("begin; update regions set parent_slug = 'norway' where slug = 'scandinavia'");
    const { rows: places } = await superuser.query("select ports_of('norway') as ports");
    await superuser.query("rollback");
    assert.deepEqual(places, [{ ports: ["NOAES", "NOOSL", "SEGOT"] }]);
  });
});
