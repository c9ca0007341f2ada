import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { applyDefinitions, readDefinitions } from "./definitions.ts";
import { catalogOf, migratedDatabase, type Scratch } from "./testing/database.ts";

describe("functions and views of the database", () => {
  let database: Scratch;
  let client: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    client = await database.connect();
    await client.query("set role migrator");
  });
  after(() => database.drop());

  it("applies nothing to an up-to-date database", async () => {
    assert.deepEqual(await applyDefinitions(client, import.meta.dirname), []);
  });

  it("defines each function of the schema jobs, except clock, in a file named after it, with a body that Postgres accepts", async () => {
    const before = await catalogOf(client);
    await client.query("begin");
    for (const { file, sql } of readDefinitions(import.meta.dirname)) {
      const [, schema, name] = /^functions\/(\w+)\/(\w+)\.sql$/.exec(file) ?? [];
      if (name) assert.match(sql, new RegExp(`^create or replace function ${schema}\\.${name}\\(`, "m"), file);
      await client.query(sql);
    }
    await client.query("commit");
    assert.deepEqual(await catalogOf(client), before, "applying them again changes nothing");
    const { rows } = await client.query(
      "select proname from pg_proc where pronamespace = 'jobs'::regnamespace and proname <> 'clock'",
    );
    const files = readDefinitions(import.meta.dirname).map(({ file }) => file);
    for (const { proname } of rows) assert.ok(files.includes(`functions/jobs/${proname}.sql`), proname);
  });

  it("applies only changed files, and none if one of them fails", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rates-functions-"));
    const write = (name: string, sql: string) => writeFile(join(directory, "functions", `${name}.sql`), sql);
    const testFunction = (answer: number) =>
      `create or replace function jobs.test_one() returns integer language sql as 'select ${answer}'`;
    try {
      await mkdir(join(directory, "functions"));
      await write("one", testFunction(1));
      await write("two", "create or replace view jobs.test_two as select jobs.test_one()");
      assert.deepEqual(await applyDefinitions(client, directory), ["functions/one.sql", "functions/two.sql"]);
      await write("one", testFunction(2));
      assert.deepEqual(await applyDefinitions(client, directory), ["functions/one.sql"]);
      await write("one", testFunction(3));
      await write("two", "select * from nowhere");
      await assert.rejects(applyDefinitions(client, directory), /^Error: functions\/two\.sql failed: .*"nowhere"/);
      assert.deepEqual((await client.query("select jobs.test_one() as answer")).rows, [{ answer: 2 }]);
      await client.query("drop view jobs.test_two; drop function jobs.test_one()");
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("applies a definition again whose file was removed and restored unchanged, after its function was dropped", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rates-functions-"));
    const write = (name: string) =>
      writeFile(
        join(directory, "functions", `${name}.sql`),
        `create or replace function jobs.test_${name}() returns integer language sql as 'select 1'`,
      );
    try {
      await mkdir(join(directory, "functions"));
      await write("kept");
      await write("restored");
      await applyDefinitions(client, directory);
      const migrations = "select count(*)::int as n from public.applied_functions where file like 'migrations/%'";
      const before = (await client.query(migrations)).rows;
      await rm(join(directory, "functions", "restored.sql"));
      await client.query("drop function jobs.test_restored()");
      assert.deepEqual(await applyDefinitions(client, directory), []);
      await write("restored");
      assert.deepEqual(await applyDefinitions(client, directory), ["functions/restored.sql"]);
      assert.deepEqual((await client.query("select jobs.test_restored() as answer")).rows, [{ answer: 1 }]);
      assert.deepEqual((await client.query(migrations)).rows, before);
      await client.query("drop function jobs.test_restored(), jobs.test_kept()");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
