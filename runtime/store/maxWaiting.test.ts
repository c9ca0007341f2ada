import assert from "node:assert/strict";
import type pg from "pg";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { accept, cancel, claim, runStarted } from "./jobs.ts";
import { planRuns } from "./runs.ts";

describe("the maximum of waiting jobs per tenant", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let dispatcher: pg.Client;
  beforeEach(async () => {
    fixture = await jobDatabase();
    dispatcher = await fixture.as("dispatcher");
  });
  afterEach(() => fixture.close());

  const newJobs = (tenant: string, ids: readonly string[], maxWaiting: number, hash = "hash") =>
    ids.map((id) => newJob(id, { tenant, maxWaiting, requestHash: hash }));
  const outcomes = async (jobs: ReturnType<typeof newJobs>, db = dispatcher) =>
    (await accept(db, jobs)).map(({ outcome }) => outcome);
  const waiting = async (tenant: string) =>
    (
      await fixture.admin.query("select count(*)::int as n from jobs.jobs where tenant = $1 and status = 'PENDING'", [
        tenant,
      ])
    ).rows[0].n;
  const numbered = (count: number, prefix = "job") => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

  it("limits the jobs of one call in their order, and does not affect other tenants", async () => {
    const jobs = [...newJobs("a", ["1", "2", "3"], 2), ...newJobs("b", ["1", "2"], 2)];
    assert.deepEqual(await outcomes(jobs), ["ACCEPTED", "ACCEPTED", "FULL", "ACCEPTED", "ACCEPTED"]);
    assert.deepEqual([await waiting("a"), await waiting("b")], [2, 2]);
  });

  it("does not affect repeats and conflicts, and refuses both copies of a new request", async () => {
    await outcomes(newJobs("a", ["1", "2"], 2));
    assert.deepEqual(await outcomes(newJobs("a", ["1", "3", "3", "2"], 2)), ["REPEATED", "FULL", "FULL", "REPEATED"]);
    assert.deepEqual(await outcomes(newJobs("a", ["1"], 2, "other")), ["CONFLICT"]);
    assert.deepEqual(await accept(dispatcher, newJobs("a", ["3"], 2)), [{ outcome: "FULL", isDueAgain: false }]);
    await cancel(await fixture.as("api_reader"), "a", "2");
    assert.deepEqual(await outcomes(newJobs("a", ["3", "3", "4"], 2)), ["ACCEPTED", "REPEATED", "FULL"]);
  });

  it("accepts one more job after a waiting job has started, and counts jobs in back-off", async () => {
    await outcomes(newJobs("a", ["1", "2"], 2));
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    const keeper = await fixture.as("job_keeper");
    await runStarted(keeper, run);
    await claim(keeper, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert.deepEqual(await outcomes(newJobs("a", ["3", "4"], 2)), ["ACCEPTED", "FULL"]);
    await fixture.admin.query("update jobs.jobs set not_before = 'infinity' where status = 'PENDING'");
    assert.deepEqual(await outcomes(newJobs("a", ["5"], 2)), ["FULL"], "jobs in back-off count too");
  });

  it("is exact under concurrent accepts", async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => fixture.as("dispatcher")));
    const all = await Promise.all(
      clients.map(async (db, client) => {
        const own = [];
        for (const round of [0, 1, 2])
          own.push(...(await outcomes(newJobs("a", numbered(10, `${client}-${round}`), 95), db)));
        return own;
      }),
    );
    assert.equal(all.flat().filter((outcome) => outcome === "ACCEPTED").length, 95);
    assert.equal(await waiting("a"), 95);
  });

  it("needs one count for a burst of 10,000 jobs far below the maximum", async function () {
    this.timeout(60_000);
    for (let start = 0; start < 10_000; start += 500)
      assert.ok(
        (await outcomes(newJobs("a", numbered(500, `b${start}`), 20_000))).every((outcome) => outcome === "ACCEPTED"),
      );
    const { rows } = await fixture.admin.query("select waiting::int, sequence_value::int from jobs.waiting_counts");
    assert.deepEqual(
      rows.map((row) => row.waiting),
      [0],
      "counted once, before the first jobs were stored",
    );
  });

  it("is exact for a maximum above the margin of jobs.waiting_capacity (1,000)", async function () {
    this.timeout(60_000);
    for (let start = 0; start < 1_500; start += 500) await outcomes(newJobs("a", numbered(500, `b${start}`), 1_700));
    const last = await outcomes(newJobs("a", numbered(300, "last"), 1_700));
    assert.equal(last.filter((outcome) => outcome === "ACCEPTED").length, 200);
    assert.equal(await waiting("a"), 1_700);
  });

  it("counts a tenant that has reached a large maximum at most once per second", async () => {
    for (let start = 0; start < 1_001; start += 500) await outcomes(newJobs("a", numbered(500, `b${start}`), 1_001));
    const state = async () =>
      (await fixture.admin.query("select xmin::text, full_until from jobs.waiting_counts")).rows;
    assert.deepEqual(await outcomes(newJobs("a", ["x"], 1_001)), ["FULL"]);
    const counted = await state();
    // Keeps the tenant full however long this test takes.
    await fixture.admin.query("update jobs.waiting_counts set full_until = full_until + interval '1 hour'");
    const extended = await state();
    assert.deepEqual(await outcomes(newJobs("a", ["y"], 1_001)), ["FULL"]);
    assert.deepEqual(await state(), extended, "the second refusal counts nothing");
    await fixture.admin.query("update jobs.jobs set status = 'CANCELLED', finished_at = jobs.clock()");
    await fixture.admin.query("update jobs.waiting_counts set full_until = jobs.clock()");
    assert.equal(counted.length, 1);
    assert.ok(counted[0].full_until > new Date(0) && counted[0].full_until <= new Date(Date.now() + 1_000));
    assert.deepEqual(await outcomes(newJobs("a", ["z"], 1_001)), ["ACCEPTED"]);
  });

  it("has no effect if it is not set", async () => {
    assert.deepEqual(await outcomes([newJob("1"), newJob("2")]), ["ACCEPTED", "ACCEPTED"]);
  });
});
