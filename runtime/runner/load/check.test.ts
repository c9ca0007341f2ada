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

  it("count exactly the rows that are reported in the end", async () => {
    const rows = CODES.length ** 2 * DAYS.length * PRICES.length;
    const sink = new Sink(4);
    let counted = 0;
    sink.setBadInDatabase = (bad) => {
      counted = bad;
    };
    await new StagingChecks(client, TARGETS.prices, sink, rows).run(rows, rows);
    const { rows: reported } = await findBadRows(client, TARGETS.prices, { limit: 1, maxBadRows: rows });
    assert.equal(counted, reported);
    // Two codes, four days and four prices are valid.
    assert.equal(counted, rows - 2 * 2 * 4 * 4);
  });

  it("evaluate no reasons for rows that are loaded as written", async () => {
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
