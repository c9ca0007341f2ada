import assert from "node:assert/strict";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import { findBadRows, StagingChecks } from "./check.ts";
import { Sink } from "./sink.ts";
import { TARGETS } from "./targets.ts";

const CODES = ["AAAAA", "BBBBB", "aaaaa", "AAAAA ", "north", "", null];
const DAYS = [
  ...["2021-01-01", "2020-02-29", "0001-01-01", "9999-12-31"],
  ...["2021-02-29", "2021-13-01", "2021-00-10", "0000-01-01", "2021-1-01", "20210101", "01/02/2021", "2021/01/01"],
  ...[
    "infinity",
    "-infinity",
    "today",
    "Jan 1 2021",
    "J245154500",
    "2021-01-01 ",
    "2021-01-0x",
    "２０２１-01-01",
    "",
    null,
  ],
];
const PRICES = [
  ...["1", "2147483647", "100.0", "1e3"],
  ...["0", "-1", "+5", "007", "2147483648", "1.5", "1_000", "0x10", " 5", "5 ", "NaN", "Infinity", "x", "٣", "", null],
];

describe("the checks of a batch while it is staged", () => {
  let database: Scratch;
  let client: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    const admin = await database.connect();
    await admin.query(`insert into regions values ('north', 'North', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
    client = await database.connect("job_writer");
    await client.query("begin");
    await client.query(
      `create temp table batch (orig_code text collate "C", dest_code text collate "C", day text collate "C",
         price text collate "C", line bigint, problem text) on commit drop`,
    );
    await client.query(
      `insert into batch select orig_code, dest_code, day, price, row_number() over ()
       from unnest($1::text[]) orig_code, unnest($1::text[]) dest_code, unnest($2::text[]) day, unnest($3::text[]) price`,
      [CODES, DAYS, PRICES],
    );
  });
  after(() => database.drop());

  beforeEach(() => client.query("savepoint test"));
  afterEach(() => client.query("rollback to savepoint test"));

  /** Returns a function that checks the rows staged so far and returns the number of bad rows found so far. */
  const stagingChecks = (maxBadRows: number, random: () => number) => {
    const sink = new Sink(4);
    let counted = 0;
    sink.setBadInDatabase = (bad) => {
      counted = bad;
    };
    const checks = new StagingChecks(client, TARGETS.prices, sink, maxBadRows, random);
    return async (rows: number) => {
      await checks.run(rows, rows);
      return counted;
    };
  };
  /** Stages rows with the given lines; those for which `isBad` (SQL) is true have an invalid price. */
  const stage = (lines: string, isBad: string) =>
    client.query(
      `insert into batch select 'AAAAA', 'BBBBB', '2021-01-01', case when ${isBad} then 'x' else '1' end, line from ${lines} line`,
    );

  it("count exactly the rows that are reported in the end", async () => {
    const rows = CODES.length ** 2 * DAYS.length * PRICES.length;
    const counted = await stagingChecks(rows, () => 0)(rows);
    const { rows: reported } = await findBadRows(client, TARGETS.prices, { limit: 1, maxBadRows: rows });
    assert.equal(counted, reported);
    // Two codes, four days and four prices are valid.
    assert.equal(counted, rows - 2 * 2 * 4 * 4);
  });

  it("count each row once, although slices share pages", async () => {
    await client.query("truncate batch");
    const check = stagingChecks(10_000, Math.random);
    const counts: number[] = [];
    let staged = 0;
    for (const rows of [1_010, 2_503, 2_510, 9_001]) {
      await stage(`generate_series(${staged + 1}, ${rows})`, "true");
      staged = rows;
      counts.push(await check(rows));
    }
    assert.deepEqual(counts, [1_010, 2_503, 2_510, 9_001]);
  });

  it("count all bad rows of a slice if its sample has one, and otherwise leave them for the report", async () => {
    await client.query("truncate batch");
    await stage("generate_series(1, 20000)", "line = 1 or line between 9001 and 11000");
    for (const [random, expected] of [
      [0, 2_001],
      [0.5, 2_001],
      [0.999, 0],
    ] as const)
      assert.equal(await stagingChecks(10_000, () => random)(20_000), expected);
    const { rows, first } = await findBadRows(client, TARGETS.prices, { limit: 1, maxBadRows: 10_000 });
    assert.deepEqual([rows, first[0]?.line], [2_001, 1]);
  });

  it("report the first bad rows with all their problems, and store no further ones", async () => {
    await client.query("update batch set line = -line"); // the last row comes first
    const problemsOf = async (maxBadRows: number) => {
      const { rows, isTruncated, problemCount } = await findBadRows(client, TARGETS.prices, { limit: 1, maxBadRows });
      const { rows: faults } = await client.query("select line, name, value, reason from faults order by 1, 2");
      await client.query("drop table faults, bad_lines");
      assert.equal(faults.length, problemCount);
      return { rows, isTruncated, faults };
    };
    const all = await problemsOf(1e6);
    const lines = new Set([...new Set(all.faults.map(({ line }) => line))].slice(0, 300));
    const faults = all.faults.filter(({ line }) => lines.has(line));
    assert.deepEqual(await problemsOf(300), { rows: 300, isTruncated: true, faults });
  });

  it("accept without further checks exactly the rows that are valid as written", async () => {
    const { accepted, joins } = TARGETS.prices;
    const { rows } = await client.query(
      `select distinct b.orig_code, b.day, b.price from batch b ${joins} where ${accepted} order by 1, 2, 3`,
    );
    const valid = ["AAAAA", "BBBBB"].flatMap((orig_code) =>
      DAYS.slice(0, 4)
        .sort()
        .flatMap((day) => ["1", "2147483647"].map((price) => ({ orig_code, day, price }))),
    );
    assert.deepEqual(rows, valid);
  });
});
