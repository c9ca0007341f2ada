import assert from "node:assert/strict";
import { migratedDatabase } from "./testing/database.ts";

describe("the index of jobs by time of creation", () => {
  it("reads no pages for a period without jobs, even after later jobs reused the space of deleted ones", async () => {
    const database = await migratedDatabase();
    try {
      const client = await database.connect();
      const add = (age: string) =>
        client.query(
          `insert into public.rows select now() - interval '${age}', repeat('x', 800) from generate_series(1, 2000)`,
        );
      await client.query("create table public.rows (created_at timestamptz, filler text)");
      await add("40 days");
      const { rows: index } = await client.query("select pg_get_indexdef('jobs.jobs_created'::regclass) as definition");
      await client.query(index[0].definition.replace("jobs_created ON jobs.jobs", "rows_created ON public.rows"));
      await client.query("delete from public.rows");
      await client.query("vacuum (truncate off) public.rows");
      await add("1 minute");
      await client.query("set enable_seqscan = off");
      const pages = async (from: string, to: string): Promise<number> => {
        const { rows } = await client.query(
          `explain (analyze, format json) select from public.rows
           where created_at >= now() - interval '${from}' and created_at < now() - interval '${to}'`,
        );
        const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
        assert.equal(plan.Plans[0]["Index Name"], "rows_created");
        return plan["Lossy Heap Blocks"];
      };
      assert.ok((await pages("1 hour", "0 hours")) > 0);
      assert.equal(await pages("21 days", "20 days"), 0);
      await client.end();
    } finally {
      await database.drop();
    }
  });
});
