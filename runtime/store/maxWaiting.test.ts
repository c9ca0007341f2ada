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

  const batch = (tenant: string, ids: readonly string[], maxWaiting: number, hash = "hash") =>
    ids.map((id) => newJob(id, { tenant, maxWaiting, requestHash: hash }));
  const outcomes = async (jobs: ReturnType<typeof batch>, db = dispatcher) =>
    (await accept(db, jobs)).map(({ outcome }) => outcome);
  const waiting = async (tenant: string) =>
    (
      await fixture.admin.query("select count(*)::int as n from jobs.jobs where tenant = $1 and status = 'PENDING'", [
        tenant,
      ])
    ).rows[0].n;
  const numbered = (count: number, prefix = "job") => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

  it("accepts jobs of a batch in order up to the maximum, and all of other tenants", async () => {
    const jobs = [...batch("a", ["1", "2", "3"], 2), ...batch("b", ["1", "2"], 2)];
    assert.deepEqual(await outcomes(jobs), ["ACCEPTED", "ACCEPTED", "FULL", "ACCEPTED", "ACCEPTED"]);
    assert.deepEqual([await waiting("a"), await waiting("b")], [2, 2]);
  });

  it("recognizes repeats and conflicts at the maximum, and refuses both copies of a new request", async () => {
    await outcomes(batch("a", ["1", "2"], 2));
    assert.deepEqual(await outcomes(batch("a", ["1", "3", "3", "2"], 2)), ["REPEATED", "FULL", "FULL", "REPEATED"]);
    assert.deepEqual(await outcomes(batch("a", ["1"], 2, "other")), ["CONFLICT"]);
    await cancel(await fixture.as("api_reader"), "a", "2");
    assert.deepEqual(await outcomes(batch("a", ["3", "3", "4"], 2)), ["ACCEPTED", "REPEATED", "FULL"]);
  });

  it("accepts jobs again after one has started, and counts jobs in back-off", async () => {
    await outcomes(batch("a", ["1", "2"], 2));
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
    const keeper = await fixture.as("job_keeper");
    await runStarted(keeper, run);
    await claim(keeper, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert.deepEqual(await outcomes(batch("a", ["3", "4"], 2)), ["ACCEPTED", "FULL"]);
    await fixture.admin.query("update jobs.jobs set not_before = 'infinity' where status = 'PENDING'");
    assert.deepEqual(await outcomes(batch("a", ["5"], 2)), ["FULL"], "jobs that wait out a back-off count too");
  });

  it("is exact under concurrent accepts", async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => fixture.as("dispatcher")));
    const all = await Promise.all(
      clients.map(async (db, client) => {
        const own = [];
        for (const turn of [0, 1, 2])
          own.push(...(await outcomes(batch("a", numbered(10, `${client}-${turn}`), 95), db)));
        return own;
      }),
    );
    assert.equal(all.flat().filter((outcome) => outcome === "ACCEPTED").length, 95);
    assert.equal(await waiting("a"), 95);
  });

  it("counts rarely when far from the maximum: a burst of 10,000 passes a maximum of 20,000 with one count", async function () {
    this.timeout(60_000);
    for (let start = 0; start < 10_000; start += 500)
      assert.ok((await outcomes(batch("a", numbered(500, `b${start}`), 20_000))).every((one) => one === "ACCEPTED"));
    const { rows } = await fixture.admin.query("select waiting::int, sequence_value::int from jobs.waiting_counts");
    assert.deepEqual(
      rows.map((row) => row.waiting),
      [0],
      "the first batch alone was counted",
    );
  });

  it("is exact for a maximum above the margin too", async function () {
    this.timeout(60_000);
    for (let start = 0; start < 1_500; start += 500) await outcomes(batch("a", numbered(500, `b${start}`), 1_700));
    const last = await outcomes(batch("a", numbered(300, "last"), 1_700));
    assert.equal(last.filter((one) => one === "ACCEPTED").length, 200);
    assert.equal(await waiting("a"), 1_700);
  });

  it("counts a tenant at a large maximum once per second", async () => {
    for (let start = 0; start < 1_001; start += 500) await outcomes(batch("a", numbered(500, `b${start}`), 1_001));
    const state = async () =>
      (await fixture.admin.query("select xmin::text, full_until from jobs.waiting_counts")).rows;
    assert.deepEqual(await outcomes(batch("a", ["x"], 1_001)), ["FULL"]);
    const counted = await state();
    // However long this test takes.
    await fixture.admin.query("update jobs.waiting_counts set full_until = full_until + interval '1 hour'");
    const extended = await state();
    assert.deepEqual(await outcomes(batch("a", ["y"], 1_001)), ["FULL"]);
    assert.deepEqual(await state(), extended, "the second refusal counts nothing");
    await fixture.admin.query("update jobs.jobs set status = 'CANCELLED', finished_at = jobs.clock()");
    await fixture.admin.query("update jobs.waiting_counts set full_until = jobs.clock()");
    assert.equal(counted.length, 1);
    assert.ok(counted[0].full_until > new Date(0));
    assert.deepEqual(await outcomes(batch("a", ["z"], 1_001)), ["ACCEPTED"]);
  });

  it("has no effect if no maximum is set", async () => {
    assert.deepEqual(await outcomes([newJob("1"), newJob("2")]), ["ACCEPTED", "ACCEPTED"]);
  });
});
