import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { NO_SLOTS } from "../platform/postgres.ts";
import { DatabaseNotEmpty, exampleLane, prepareDatabase } from "./database.ts";
import { DATABASE } from "./environment.ts";
import { type Postgres, startPostgres } from "./postgres.ts";

const DUMP = fileURLToPath(new URL("../../db/testing/dump.sql", import.meta.url));
const print = () => {};

describe("the local platform's database", () => {
  let root: string;
  let postgres: Postgres;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "rates-database-"));
    postgres = await startPostgres({ directory: root, logFile: join(root, "log"), durable: false });
  });
  afterEach(async () => {
    await postgres.stop();
    rmSync(root, { recursive: true });
  });

  const query = async (sql: string, database = DATABASE, role = "postgres") => {
    const client = new pg.Client(postgres.url(database, role));
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const prices = async () => Number((await query("select count(*) n from prices"))[0].n);

  it("contains the sample after the first start, and keeps it on the next", async () => {
    await prepareDatabase(postgres, { slots: NO_SLOTS, print });
    const loaded = await prices();
    assert.ok(loaded > 10_000);
    await prepareDatabase(postgres, { slots: NO_SLOTS, print });
    assert.equal(await prices(), loaded);
  });

  it("lets a component log in with its own role", async () => {
    await prepareDatabase(postgres, { slots: NO_SLOTS, print });
    assert.deepEqual(await query("select current_user as name", DATABASE, "job_reader"), [{ name: "job_reader" }]);
  });

  it("contains a given dump instead of the sample, and the example lane has prices from the dump", async () => {
    await prepareDatabase(postgres, { dump: DUMP, slots: NO_SLOTS, print });
    assert.ok((await prices()) < 1_000);
    const example = await exampleLane(postgres);
    assert.ok(example !== undefined);
    const rows = await query(
      `select from prices where orig_code = '${example.orig_code}' and dest_code = '${example.dest_code}' and day = '${example.date_to}'`,
    );
    assert.ok(rows.length > 0);
  });

  it("refuses a dump if it contains data", async () => {
    await prepareDatabase(postgres, { slots: NO_SLOTS, print });
    const before = await prices();
    await assert.rejects(prepareDatabase(postgres, { dump: DUMP, slots: NO_SLOTS, print }), DatabaseNotEmpty);
    assert.equal(await prices(), before);
  });

  it("starts over after an invalid dump, and leaves no other database behind", async () => {
    const broken = fileURLToPath(import.meta.url);
    await assert.rejects(prepareDatabase(postgres, { dump: broken, slots: NO_SLOTS, print }));
    await prepareDatabase(postgres, { dump: DUMP, slots: NO_SLOTS, print });
    assert.ok((await prices()) > 0);
    const names = (await query("select datname from pg_database where not datistemplate", "postgres")).map(
      (row) => row.datname,
    );
    assert.deepEqual(names.toSorted(), ["postgres", DATABASE]);
  });
});
