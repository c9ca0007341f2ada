import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_SLOTS } from "../runtime/platform/postgres.ts";
import { type TestDatabase, testDatabase } from "../runtime/testing/cluster.ts";
import { setUp, targetOf } from "./setup.ts";

describe("setUp", () => {
  const missing = join(tmpdir(), "rates-no-such-dump.sql");
  let existing: TestDatabase;
  before(async () => {
    existing = await testDatabase();
  });
  after(() => existing.drop());

  const run = async (database: string, dump: string) => {
    const { cluster } = targetOf({ ...existing.env, DATABASE_USER: new URL(existing.url).username });
    const lines: string[] = [];
    await setUp({ cluster, database }, dump, NO_SLOTS, (line) => lines.push(line));
    return lines;
  };

  it("ignores the dump, even a missing file or a directory, if the database already exists", async () => {
    for (const dump of [missing, tmpdir(), import.meta.filename])
      assert.deepEqual(
        await run(existing.name, dump),
        [`The database ${existing.name} already exists; the dump is ignored.`],
        dump,
      );
    assert.deepEqual(await run(existing.name, "/dev/null"), []);
  });

  it("refuses a missing dump, or a directory, for a new database", async () => {
    const name = `${existing.name}_new`;
    await assert.rejects(run(name, missing), { name: "SetupError", message: /does not exist/ });
    await assert.rejects(run(name, tmpdir()), { name: "SetupError", message: /is a directory/ });
  });
});
