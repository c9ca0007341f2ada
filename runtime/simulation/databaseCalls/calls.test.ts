import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { jobDatabase } from "../../testing/jobs.ts";
import { currentKeys, type DatabaseCalls, describeStatement } from "./calls.ts";

const released: DatabaseCalls = JSON.parse(readFileSync(new URL("calls.json", import.meta.url), "utf8"));

/**
 * During a deployment, the previous version runs on the new schema. It reads jobs and documents that the new version
 * writes.
 */
describe("the previous version on this schema", () => {
  let database: Awaited<ReturnType<typeof jobDatabase>>;
  before(async () => {
    database = await jobDatabase();
  });
  after(() => database.close());

  for (const statement of released.statements)
    it(`${statement.role}: ${statement.text.replace(/\s+/g, " ").slice(0, 70)}`, async () => {
      assert.deepEqual(await describeStatement(database, statement.role, statement.text), statement);
    });

  it("finds the expected keys in a claimed job and its document", async () => {
    const now = await currentKeys(database);
    const missing = (expected: readonly string[], current: readonly string[]) =>
      expected.filter((key) => !current.includes(key));
    assert.deepEqual(missing(released.claimed, now.claimed), []);
    assert.deepEqual(missing(released.document, now.document), []);
  });
});
