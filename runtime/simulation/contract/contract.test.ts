import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { jobDatabase } from "../../testing/jobs.ts";
import { type Contract, describe as describeStatement, shapes } from "./contract.ts";

const released: Contract = JSON.parse(readFileSync(new URL("contract.json", import.meta.url), "utf8"));

/**
 * During a deployment, the previous version runs on the new schema, and reads jobs and documents that the new version
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

  it("finds the expected keys in jobs and documents", async () => {
    const now = await shapes(database);
    const missing = (before: readonly string[], after: readonly string[]) =>
      before.filter((key) => !after.includes(key));
    assert.deepEqual(missing(released.claimed, now.claimed), []);
    assert.deepEqual(missing(released.document, now.document), []);
  });
});
