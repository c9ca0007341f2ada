import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { skip } from "../runtime/testing/cluster.ts";
import { migratedDatabase, type Scratch } from "./testing/database.ts";
import { describeSchema } from "./testing/schemaFile.ts";

describe("db/schema.sql", () => {
  let database: Scratch;
  before(async () => {
    database = await migratedDatabase();
  });
  after(() => database.drop());

  it("equals the schemas public and jobs that the migrations, functions and views produce", async function () {
    const client = await database.connect();
    const { rows } = await client.query<{ version: number }>(
      "select current_setting('server_version_num')::int version",
    );
    if ((rows[0]?.version ?? 0) < 180_000)
      skip(this, "the schema of Postgres older than 18 has foreign keys instead of triggers");
    const schema = await describeSchema(client);
    const committed = readFileSync(new URL("schema.sql", import.meta.url), "utf8");
    assert.equal(committed, schema, "run `node db/testing/writeSchema.ts` and commit db/schema.sql");
  });

  it("changes when a column, a constraint, an index, a grant or a function is added", async () => {
    const client = await database.connect();
    const before = await describeSchema(client);
    for (const change of [
      "alter table jobs.jobs add column extra text",
      "alter table public.ports add constraint named check (code <> 'x')",
      "create index extra on public.ports (name)",
      "grant delete on public.ports to job_reader",
      "create function jobs.extra() returns int language sql as 'select 1'",
    ]) {
      await client.query("begin");
      await client.query(change);
      assert.notEqual(await describeSchema(client), before, change);
      await client.query("rollback");
    }
  });
});
