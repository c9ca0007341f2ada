import assert from "node:assert/strict";
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_SLOTS } from "../runtime/platform/postgres.ts";
import { migrate, migrateRoles } from "./migrate.ts";
import { catalogOf, emptyDatabase, fixtureDatabase, type Scratch } from "./testing/database.ts";

describe("migrate", () => {
  const databases: Scratch[] = [];
  const keep = <T extends Scratch>(database: T): T => {
    databases.push(database);
    return database;
  };
  afterEach(async () => {
    await Promise.all(databases.splice(0).map((database) => database.drop()));
  });

  it("ends with the same catalog whether the database began empty or with a dump", async () => {
    const [fresh, dumped] = [keep(await emptyDatabase()), keep(await fixtureDatabase())];
    await migrate({ url: fresh.url });
    const [expected, actual] = [await catalogOf(await fresh.connect()), await catalogOf(await dumped.connect())];
    assert.ok(expected.some((line) => line.startsWith("constraint prices.prices_orig_code_fkey")));
    assert.ok(expected.some((line) => line.startsWith("column prices.orig_code") && line.includes("collation C")));
    assert.deepEqual(actual, expected);
  });

  it("keeps the data of a loaded dump", async () => {
    const client = await keep(await fixtureDatabase()).connect();
    const { rows } = await client.query(
      `select (select count(*)::int from ports) ports, (select count(*)::int from regions) regions,
              (select count(*)::int from prices) prices, (select name from ports where code = 'SEGOT') gothenburg`,
    );
    assert.deepEqual(rows, [{ ports: 7, regions: 6, prices: 25, gothenburg: "Göteborg" }]);
  });

  it("refuses a dump whose prices refer to missing ports", async () => {
    const database = keep(await emptyDatabase());
    const client = await database.connect();
    await client.query(`create table prices (orig_code text, dest_code text, day date, price integer);
      insert into prices values ('AAAAA', 'BBBBB', '2021-01-01', 1)`);
    await migrateRoles({ url: database.url }, NO_SLOTS);
    await assert.rejects(
      migrate({ url: database.url }),
      /Migration 0001_prices failed: .*prices_(orig|dest)_code_fkey/,
    );
  });

  it("applies every migration once for concurrent callers", async () => {
    const { url } = keep(await emptyDatabase());
    const results = await Promise.all([migrate({ url }), migrate({ url }), migrate({ url })]);
    const applied = results.map((result) => result.applied).filter((names) => names.length > 0);
    assert.equal(applied.length, 1);
    assert.equal(applied[0]?.[0], "0001_prices");
    assert.deepEqual(await migrate({ url }), { applied: [] });
  });

  it("rolls back a migration that fails, names it, and continues from there once it is fixed", async () => {
    const { url, connect } = keep(await emptyDatabase());
    const directory = await mkdtemp(join(tmpdir(), "rates-migrations-"));
    await mkdir(join(directory, "migrations"));
    try {
      const write = (name: string, sql: string) => writeFile(join(directory, "migrations", `${name}.sql`), sql);
      await write("0001_one", "create table one ();");
      await write("0002_two", "create table two (); select * from nowhere;");
      const silent = () => undefined;
      await assert.rejects(migrate({ url }, silent, directory), /Migration 0002_two failed: .*"nowhere"/);
      const client = await connect();
      const tables = async () => (await client.query("select to_regclass('one') one, to_regclass('two') two")).rows;
      assert.deepEqual(await tables(), [{ one: "one", two: null }]);

      await write("0002_two", "create table two ();");
      const lines: string[] = [];
      assert.deepEqual(await migrate({ url }, (line) => lines.push(line), directory), { applied: ["0002_two"] });
      assert.deepEqual(lines, ["migration 0002_two"]);
      assert.deepEqual(await tables(), [{ one: "one", two: "two" }]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("refuses a database with unknown migrations, with the remedy", async () => {
    const { url, connect } = keep(await emptyDatabase());
    await migrate({ url });
    await (await connect()).query("insert into public.migrations (name, run_on) values ('0005_runs', now())");
    await assert.rejects(migrate({ url }), /'0005_runs'.*another version.*delete the data directory/);
  });

  it("refuses a database whose migrations have other contents, with the remedy", async () => {
    for (const change of [
      "update public.applied_functions set hash = 'other' where file = 'migrations/0003_jobs.sql'",
      "delete from public.applied_functions where file like 'migrations/%'",
    ]) {
      const { url, connect } = keep(await emptyDatabase());
      await migrate({ url });
      await (await connect()).query(change);
      await assert.rejects(migrate({ url }), /differs from this version's.*another version.*delete the data directory/);
    }
  });

  it("continues after a migration that was committed but not recorded", async () => {
    const { url, connect } = keep(await emptyDatabase());
    await migrate({ url });
    const client = await connect();
    const fromRecord = "from public.applied_functions where file = 'migrations/0004_tracking.sql'";
    await client.query(`delete ${fromRecord}`);
    assert.deepEqual(await migrate({ url }), { applied: [] });
    assert.equal((await client.query(`select ${fromRecord}`)).rowCount, 1);
  });

  it("accepts a migration with an added comment, or without its header comment", async () => {
    const { url } = keep(await emptyDatabase());
    const directory = await mkdtemp(join(tmpdir(), "rates-migrations-"));
    try {
      for (const folder of ["migrations", "functions", "views"])
        await cp(join(import.meta.dirname, folder), join(directory, folder), { recursive: true });
      await migrate({ url }, () => undefined, directory);
      const file = (name: string) => join(directory, "migrations", `${name}.sql`);
      await appendFile(file("0003_jobs"), "\n-- Another comment.\n");
      const tracking = await readFile(file("0004_tracking"), "utf8");
      await writeFile(file("0004_tracking"), tracking.replace(/^(?:--.*\n)+/, ""));
      assert.deepEqual(await migrate({ url }, () => undefined, directory), { applied: [] });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
