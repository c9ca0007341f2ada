import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import pg from "pg";
import { abandon, connectWith } from "../platform/postgres.ts";
import type { Database, Parameter } from "../store/jobs.ts";
import { type TestDatabase, testDatabase } from "../testing/cluster.ts";
import { preparedStatements } from "./preparedStatements.ts";

describe("prepared statements", () => {
  let database: TestDatabase;
  let client: pg.Client;
  let db: Database;
  let described: number;
  beforeEach(async () => {
    database = await testDatabase();
    client = await connectWith({ connectionString: database.url });
    db = preparedStatements(client);
    described = 0;
    const { connection } = client as unknown as { connection: EventEmitter };
    connection.on("rowDescription", () => described++);
  });
  afterEach(async () => {
    await client.end().catch(() => undefined);
    await database.drop();
  });

  const run = async (name: string, text: string, ...values: Parameter[]) =>
    (await db.query({ name, text, values })).rows;

  it("return the rows that the driver returns", async () => {
    const text = `select $1::bigint as big, $2::int as small, $3::text as words, $4::json as data, $5::text[] as texts,
      $6::bigint[] as numbers, true as yes, $7::float8 as real, n from generate_series(1, 2) n`;
    const values: Parameter[][] = [
      ["9007199254740993", -7, "Tromsø \"'\\ {,}\n", '{"a":[1,null]}', ['a"b', "c\\d", "", "null", "{é}"], [1, 2], 1.5],
      [null, null, "", null, [], [], null],
    ];
    for (const row of values) assert.deepEqual(await run("types", text, ...row), (await client.query(text, row)).rows);
    assert.deepEqual(await run("none", "select 1 as n where $1::int > 1", 1), []);
  });

  it("are described at their first execution only", async () => {
    for (const n of [1, 2, 3]) assert.deepEqual(await run("once", "select $1::int as n", n), [{ n }]);
    assert.equal(described, 1);
  });

  it("run in the order of their calls, between other statements", async () => {
    await client.query("create temporary sequence turns");
    const next = "select nextval('turns')::int as turn, $1::text as name";
    const [[first], second, [third]] = await Promise.all([
      run("next", next, "a"),
      db.query("select nextval('turns')::int as turn"),
      run("next", next, "b"),
    ]);
    assert.deepEqual([first, second.rows[0], third], [{ turn: 1, name: "a" }, { turn: 2 }, { turn: 3, name: "b" }]);
  });

  it("can be executed again after an error", async () => {
    const text = "select 6 / $1::int as n";
    assert.deepEqual(await run("divide", text, 2), [{ n: 3 }]);
    await assert.rejects(run("divide", text, 0), { code: "22012" });
    assert.deepEqual(await run("divide", text, 3), [{ n: 2 }]);
    await assert.rejects(run("wrong", "select $1::int from nowhere", 1), { code: "42P01" });
    await client.query("create table nowhere ()");
    assert.deepEqual(await run("wrong", "select $1::int from nowhere", 1), []);
  });

  it("are prepared again when their columns have changed", async () => {
    await client.query("create table changed as select 1 as a");
    assert.deepEqual(await run("changed", "select * from changed"), [{ a: 1 }]);
    await client.query("alter table changed add column b integer");
    await assert.rejects(run("changed", "select * from changed"), { code: "0A000" });
    assert.deepEqual(await run("changed", "select * from changed"), [{ a: 1, b: null }]);
  });

  it("replace statements that the connection's previous user prepared under the same names", async () => {
    assert.deepEqual(await run("shared", "select 1 as n"), [{ n: 1 }]);
    db = preparedStatements(client);
    assert.deepEqual(await run("shared", "select 2 as n"), [{ n: 2 }]);
  });

  it("reject a value that cannot be read, and the connection stays usable", async () => {
    pg.types.setTypeParser(pg.types.builtins.MACADDR8, () => {
      throw new Error("unreadable");
    });
    await assert.rejects(run("unreadable", "select '08:00:2b:01:02:03:04:05'::macaddr8"), /unreadable/);
    assert.deepEqual(await run("after", "select 1 as n"), [{ n: 1 }]);
  });

  it("reject when the connection is lost, and afterwards", async () => {
    const running = run("sleep", "select pg_sleep($1)", 60);
    abandon(client);
    await assert.rejects(running);
    await assert.rejects(run("after", "select 1 as n"));
  });
});
