import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { fixtureDatabase, type Scratch } from "./testing/database.ts";

describe("the references of prices to ports", () => {
  let database: Scratch;
  let client: pg.Client;
  /** True if triggers check the references once per statement; before Postgres 18 they are plain foreign keys. */
  let isCheckedPerStatement: boolean;
  beforeEach(async () => {
    database = await fixtureDatabase();
    client = await database.connect();
    const { rows } = await client.query("select current_setting('server_version_num')::int >= 180000 as modern");
    isCheckedPerStatement = rows[0].modern;
  });
  afterEach(() => database.drop());

  const insert = (on: pg.Client, orig: string, dest: string) =>
    on.query("insert into public.prices values ($1, $2, '2021-04-01', 100)", [orig, dest]);
  const violationOf = (constraint: string) => ({ code: "23503", table: "prices", constraint });
  const danglingPrices = async () => {
    const { rows } = await client.query(
      "select * from prices where orig_code not in (select code from ports) or dest_code not in (select code from ports)",
    );
    return rows;
  };

  it("refuse new prices of unknown ports, by INSERT, UPDATE and COPY", async () => {
    await assert.rejects(insert(client, "XXXXX", "SEGOT"), violationOf("prices_orig_code_fkey"));
    await assert.rejects(insert(client, "SEGOT", "XXXXX"), violationOf("prices_dest_code_fkey"));
    await assert.rejects(client.query("update prices set dest_code = 'XXXXX'"), violationOf("prices_dest_code_fkey"));
    const copy = client.query(copyFrom("copy prices from stdin"));
    const lines = ["SEGOT\tNOOSL\t2021-04-01\t1\n", "SEGOT\tXXXXX\t2021-04-01\t1\n"];
    await assert.rejects(pipeline(Readable.from(lines), copy), violationOf("prices_dest_code_fkey"));
    assert.equal((await client.query("select * from prices where day = '2021-04-01'")).rowCount, 0);
  });

  it("name the unknown ports, from Postgres 18 on", async () => {
    const bad = client.query(
      "insert into prices select 'X' || n, 'SEGOT', '2021-04-01', 1 from generate_series(1, 3) n",
    );
    const message = isCheckedPerStatement
      ? /^prices refer to 3 unknown ports: X1, X2, X3$/
      : /violates foreign key constraint "prices_orig_code_fkey"/;
    await assert.rejects(bad, { message });
  });

  it("refuse to delete or rename a port that prices refer to, and to truncate ports", async () => {
    const message = isCheckedPerStatement ? /^prices still refer to 1 port: CNSHA$/ : /violates foreign key constraint/;
    await assert.rejects(client.query("delete from ports where code = 'CNSHA'"), { code: "23503", message });
    await assert.rejects(client.query("delete from ports where code = 'PLGDY'"), violationOf("prices_dest_code_fkey"));
    await assert.rejects(
      client.query("update ports set code = 'XXXXX' where code = 'JPTYO'"),
      violationOf("prices_orig_code_fkey"),
    );
    await assert.rejects(client.query("truncate ports"), { code: "0A000" });
    await client.query("update ports set name = 'Gothenburg' where code = 'SEGOT'");
    assert.deepEqual(await danglingPrices(), []);
  });

  it("allow deleting a port that no price refers to", async () => {
    await client.query("delete from prices where dest_code = 'PLGDY'");
    await client.query("update ports set code = 'PLGDN' where code = 'PLGDY'");
    assert.equal((await client.query("delete from ports where code = 'PLGDN'")).rowCount, 1);
  });

  it("are checked for the role that loads prices", async () => {
    const writer = await database.connect("job_writer");
    await insert(writer, "SEGOT", "NOOSL");
    await assert.rejects(insert(writer, "SEGOT", "XXXXX"), { code: "23503" });
    await assert.rejects(writer.query("delete from public.ports where code = 'CNSHA'"), { code: "23503" });
  });

  it("make deleting a port wait for an uncommitted load of its prices, and then refuse the delete", async () => {
    const loader = await database.connect();
    await client.query("insert into ports values ('SEGVX', 'Gävle', 'scandinavia')");
    await loader.query("begin");
    await insert(loader, "SEGOT", "SEGVX");
    const removed = client.query("delete from ports where code = 'SEGVX'").then(
      () => "deleted",
      (error) => error.code,
    );
    await untilBlocked(loader, client);
    await loader.query("commit");
    assert.equal(await removed, "23503");
    assert.deepEqual(await danglingPrices(), []);
  });

  it("make a load wait for an uncommitted delete of its port, and then refuse the load", async () => {
    const remover = await database.connect();
    await client.query("insert into ports values ('SEGVX', 'Gävle', 'scandinavia')");
    await remover.query("begin; delete from ports where code = 'SEGVX'");
    const loaded = insert(client, "SEGOT", "SEGVX").then(
      () => "loaded",
      (error) => error.code,
    );
    await untilBlocked(remover, client);
    await remover.query("commit");
    assert.equal(await loaded, "23503");
    assert.deepEqual(await danglingPrices(), []);
  });

  it("let a load continue when the delete of its port is rolled back", async () => {
    const remover = await database.connect();
    await client.query("insert into ports values ('SEGVX', 'Gävle', 'scandinavia')");
    await remover.query("begin; delete from ports where code = 'SEGVX'");
    const loaded = insert(client, "SEGOT", "SEGVX");
    await untilBlocked(remover, client);
    await remover.query("rollback");
    assert.equal((await loaded).rowCount, 1);
  });

  it("let loads of the same ports run concurrently", async () => {
    const other = await database.connect();
    await client.query("begin");
    await other.query("begin; set local lock_timeout = '1s'");
    await insert(client, "SEGOT", "NOOSL");
    await insert(other, "NOOSL", "SEGOT");
    await other.query("update ports set name = 'Gothenburg' where code = 'SEGOT'");
    await Promise.all([client.query("commit"), other.query("commit")]);
  });

  it("cannot be bypassed by a snapshot from before the load", async () => {
    const loader = await database.connect();
    await client.query("insert into ports values ('SEGVX', 'Gävle', 'scandinavia')");
    await client.query("begin isolation level repeatable read; select from ports");
    await insert(loader, "SEGOT", "SEGVX");
    await assert.rejects(client.query("delete from ports where code = 'SEGVX'"), {
      code: isCheckedPerStatement ? "0A000" : "23503",
    });
    await client.query("rollback");
    assert.deepEqual(await danglingPrices(), []);
  });
});

/** Resolves once `waiter` waits for a lock that `holder` has. */
async function untilBlocked(holder: pg.Client, waiter: pg.Client): Promise<void> {
  const pid = (waiter as unknown as { processID: number }).processID;
  for (;;) {
    const { rows } = await holder.query("select pg_backend_pid() = any (pg_blocking_pids($1)) as blocked", [pid]);
    if (rows[0].blocked) return;
  }
}
