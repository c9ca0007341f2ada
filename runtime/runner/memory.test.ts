import assert from "node:assert/strict";
import { testPlatform } from "../testing/runner/runner.ts";

describe("a run's memory", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  before(async () => {
    p = await testPlatform({ jobs: { leaseSeconds: 30 } });
  });
  after(() => p.close());

  /** Executes a read of `rows` rows in its own run, and returns the run's peak memory. */
  const peak = async (rows: number): Promise<number> => {
    const requestId = `rows-${rows}`;
    const sql = `select 'CNGGZ' as orig_code, 'EETLL' as dest_code, date '2021-01-01' + n % 365 as day, n as price from generate_series(1, ${rows}) n`;
    await p.request({ requestId, task: { type: "read", sql, format: "csv", compression: "gzip" } });
    const [run] = p.startRuns("glue");
    assert(run);
    assert.equal(await run.exit, 0, run.output());
    await p.admin.query("update jobs.runs set state = 'ENDED'");
    return (await p.document(requestId)).stats.peakMemoryBytes;
  };

  it("is about the same for 3,000,000 rows as for 100,000", async function () {
    this.timeout(120_000);
    const few = await peak(100_000);
    const many = await peak(3_000_000);
    assert(many < few * 1.15, `${few} bytes, then ${many}`);
  });
});
