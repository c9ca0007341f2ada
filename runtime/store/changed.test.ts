import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

const FUNCTIONS = new URL("../../db/functions/jobs/", import.meta.url);

describe("statements that change a job's document", () => {
  it("record the transaction id, by which changed jobs are found", () => {
    const statements = readdirSync(FUNCTIONS)
      .flatMap((file) => readFileSync(new URL(file, FUNCTIONS), "utf8").split(";"))
      .filter((statement) => /\bversion = version \+/.test(statement));
    assert.equal(
      statements.length,
      7,
      "accept, cancel, end_job, heartbeat, overflow, retry and start_attempt change it",
    );
    for (const statement of statements) assert.match(statement, /\bchanged = .*pg_current_xact_id\(\)/);
  });
});
