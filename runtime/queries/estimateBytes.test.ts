import assert from "node:assert/strict";
import { jobDatabase } from "../testing/jobs.ts";
import { estimate, estimateBytes } from "./explain.ts";

describe("the estimates of several reads", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  before(async () => {
    fixture = await jobDatabase();
  });
  after(() => fixture.close());

  it("are those of each by itself, and none for one that cannot be planned", async () => {
    const plans = await fixture.as("job_reader_plan");
    const reads = ["select generate_series(1, 1000) as n", "select 1", "select * from prices"];
    const alone = [];
    for (const sql of reads) alone.push((await estimate(plans, sql)).bytes);
    const [first, ...rest] = reads as [string, ...string[]];
    const together = await estimateBytes(plans, [first, "select * from nowhere", "select 1; select 2", ...rest]);
    assert.deepEqual(together, [alone[0], undefined, undefined, ...alone.slice(1)]);
  });
});
