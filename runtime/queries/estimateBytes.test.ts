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

  it("equal those of single reads, and are undefined for reads that cannot be planned", async () => {
    const plans = await fixture.as("job_reader_plan");
    const reads = ["select generate_series(1, 1000) as n", "select 1", "select * from prices"];
    const separately = [];
    for (const sql of reads) separately.push((await estimate(plans, sql)).bytes);
    const [first, ...rest] = reads as [string, ...string[]];
    const together = await estimateBytes(plans, [first, "select * from nowhere", "select 1; select 2", ...rest]);
    assert.deepEqual(together, [separately[0], undefined, undefined, ...separately.slice(1)]);
  });

  it("take a bounded time for slow plans, which are the caller's error", async () => {
    const plans = await fixture.as("job_reader_plan");
    await plans.query("set statement_timeout = '200ms'");
    const slow = `select 'x' ~ '${"x?".repeat(2_000)}${"x".repeat(2_000)}'`;
    await assert.rejects(estimate(plans, slow), { code: "InvalidSql", message: /could not be planned within/ });
    const small = "select 1";
    let queries = 0;
    const countingDatabase = {
      query: (...args: Parameters<typeof plans.query>) => {
        queries++;
        return plans.query(...args);
      },
    } as unknown as Database;
    const reads = [small, ...Array.from({ length: 40 }, () => slow), small];
    const bytes = await estimateEach(countingDatabase, reads);
    assert.deepEqual([bytes.length, typeof bytes[0], bytes.at(-1)], [reads.length, "number", undefined]);
    assert.ok(queries < reads.length, `${queries} of ${reads.length} were planned`);
  });
});
