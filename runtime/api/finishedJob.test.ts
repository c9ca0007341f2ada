import assert from "node:assert/strict";
import { accept } from "../store/jobs.ts";
import { jobDatabase, newJob } from "../testing/jobs.ts";
import { readFinishedJob } from "./finishedJob.ts";

describe("readFinishedJob", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  before(async () => {
    fixture = await jobDatabase();
  });
  after(() => fixture.close());

  it("reads a job by index scans, however many jobs have ended", async () => {
    const api = await fixture.as("api_reader");
    await accept(api, [newJob("a")]);
    let plan = "";
    const explaining = {
      query: async (sql: string, values: unknown[]) => {
        const { rows } = await fixture.admin.query(`explain (format json, costs off) ${sql}`, values);
        plan = JSON.stringify(rows[0]["QUERY PLAN"]);
        return api.query(sql, values);
      },
    };
    // For a table with few rows the planner would choose a sequential scan.
    await fixture.admin.query("set enable_seqscan = off");
    await assert.rejects(readFinishedJob(explaining as never, "default", "a"), { code: "NotFinished" });
    assert.doesNotMatch(plan, /"Append"|"Seq Scan"/);
    assert.equal(plan.match(/"Index Cond"/g)?.length, 3, "its document, the record of its sending, and its response");
  });

  it("finds the newest job by a backward index scan, although the view is a join", async () => {
    await fixture.admin.query("set enable_seqscan = off");
    const { rows } = await fixture.admin.query(
      "explain (format json, costs off) select id from jobs.documents order by id desc limit 1",
    );
    assert.match(JSON.stringify(rows), /"Scan Direction":"Backward","Index Name":"jobs_pkey"/);
  });
});
