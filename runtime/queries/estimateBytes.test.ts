import assert from "node:assert/strict";
import type { Database } from "../store/jobs.ts";
import { jobDatabase } from "../testing/jobs.ts";
import { estimate, estimateBytes, estimateEach } from "./explain.ts";

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

  it("of reads that plan for a long time take a bounded time, and are the caller's error", async () => {
    const plans = await fixture.as("job_reader_plan");
    await plans.query("set statement_timeout = '200ms'");
    const slow = `select 'x' ~ '${"x?".repeat(2_000)}${"x".repeat(2_000)}'`;
    await assert.rejects(estimate(plans, slow), { code: "InvalidSql", message: /could not be planned within/ });
    const small = "select 1";
    let asked = 0;
    const counted = {
      query: (...all: Parameters<typeof plans.query>) => {
        asked++;
        return plans.query(...all);
      },
    } as unknown as Database;
    const reads = [small, ...Array.from({ length: 40 }, () => slow), small];
    const bytes = await estimateEach(counted, reads);
    assert.deepEqual([bytes.length, typeof bytes[0], bytes.at(-1)], [reads.length, "number", undefined]);
    assert.ok(asked < reads.length, `${asked} of ${reads.length} were planned`);
  });
});
