import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { readSettings, tenantSlots } from "../platform/settings.ts";
import { newJob, newJobStores, type StoreClients, testPlan } from "../testing/jobs.ts";
import { accept, type ClaimedJob, claim, finish, retire, retry, runStarted } from "./jobs.ts";
import { overflow, planAllRuns, planLarger, planRuns, runEnded } from "./runs.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const ended = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 1, peakMemoryBytes: 1 } as const;

describe("the limit of slots per tenant", () => {
  let { fixture, dispatcher, keeper } = {} as StoreClients;
  newJobStores((clients) => {
    ({ fixture, dispatcher, keeper } = clients);
  });

  /** Plans like a dispatcher. The started runs register at once. */
  const start = async (slots: number, tenantSlots?: number): Promise<string[]> => {
    const runs = await planRuns(dispatcher, { ...testPlan("glue", slots), tenantSlots });
    for (const run of runs) await runStarted(keeper, run);
    return runs;
  };
  const jobsOf = (tenant: string, count: number, priority = 4) =>
    accept(
      dispatcher,
      Array.from({ length: count }, (_, index) => newJob(`job-${index}`, { tenant, priority })),
    );
  const next = (run = "") => claim(keeper, run, backend, undefined);
  /** Creates waiting jobs in bulk: accepting 100,000 of them one by one takes minutes. */
  const fill = (jobs: number, tenants: number, full = "") =>
    fixture.admin.query(
      `insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, sql, runner, priority, labels,
         timeout_seconds, max_attempts, lease_seconds, rank, created_at)
       select case when $3 <> '' and n % 2 = 0 then $3 else format('tenant-%s', lpad((n % $2)::text, 3, '0')) end, n::text, 'hash', n::text, '{"type": "read"}', 'select 1', 'glue', 4, '{}',
         60, 3, 30, 4 - floor(extract(epoch from at) / 60)::integer + case when $3 <> '' and n % 2 = 0 then 1000 else 0 end, at
       from generate_series(0, $1 - 1) n, lateral (select jobs.clock() - make_interval(secs => ($1 - n) * 0.05) as at) t`,
      [jobs, tenants, full],
    );

  describe("for reads that overflow to EC2", () => {
    const reads = (tenant: string, count: number, priority: number) =>
      accept(
        dispatcher,
        Array.from({ length: count }, (_, index) => newJob(`read-${index}`, { tenant, priority, ec2Fallback: true })),
      );
    const moved = async () =>
      (
        await fixture.admin.query(
          "select tenant, count(*)::int as jobs from jobs.jobs where runner = 'ec2' group by tenant order by tenant",
        )
      ).rows;
    /** Fills Glue's slots: two jobs of `a`, one of `b`. */
    const fillGlue = async () => {
      await reads("a", 9, 9);
      await reads("b", 9, 0);
      for (const run of await start(3, 2)) await next(run);
      await fixture.admin.query("update jobs.jobs set created_at = created_at - interval '6 seconds'");
    };
    const slots = { glue: 3, ec2: 4 };

    it("hands over reads of a tenant that waits for Glue, not of a tenant that is at its maximum on Glue", async () => {
      await fillGlue();
      assert.equal(await overflow(dispatcher, slots, { glue: 2, ec2: 3 }), 3);
      assert.deepEqual(await moved(), [{ tenant: "b", jobs: 3 }]);
      assert.equal(await overflow(dispatcher, slots, { glue: 2, ec2: 3 }), 0, "b has its maximum on EC2 too");
      await fixture.admin.query("update jobs.jobs set status = 'PENDING', run_id = null where tenant = 'a'");
      assert.equal(await overflow(dispatcher, slots, { glue: 2, ec2: 3 }), 1, "a may use slots of Glue again");
      assert.deepEqual(await moved(), [
        { tenant: "a", jobs: 1 },
        { tenant: "b", jobs: 3 },
      ]);
    });

    it("leaves a slot on EC2 for the other tenant, whatever the first tenant's priority", async () => {
      await fillGlue();
      assert.equal(await overflow(dispatcher, slots, { ec2: 3 }), 4);
      assert.deepEqual(await moved(), [
        { tenant: "a", jobs: 3 },
        { tenant: "b", jobs: 1 },
      ]);
    });

    it("starts no EC2 run for a tenant without a free slot when all runner types are planned together", async () => {
      await reads("a", 9, 9);
      for (const run of await start(2, 2)) await next(run);
      await fixture.admin.query("update jobs.jobs set created_at = created_at - interval '6 seconds'");
      const plans = [
        { ...testPlan("glue", 2), tenantSlots: 2 },
        { ...testPlan("ec2", 4), tenantSlots: 3 },
      ];
      assert.deepEqual((await planAllRuns(dispatcher, plans, true)).get("ec2"), []);
      await reads("b", 1, 0);
      await fixture.admin.query(
        "update jobs.jobs set created_at = created_at - interval '6 seconds' where tenant = 'b'",
      );
      assert.equal((await planAllRuns(dispatcher, plans, true)).get("ec2")?.length, 1);
      assert.deepEqual(await moved(), [{ tenant: "b", jobs: 1 }]);
    });
  });

  it("leaves a slot for the other tenant, however many jobs of any priority the first tenant has", async () => {
    await jobsOf("a", 10, 9);
    const runs = await start(3, 2);
    assert.equal(runs.length, 2, "no run is started for jobs that their tenant's maximum keeps waiting");
    assert.deepEqual([(await next(runs[0]))?.tenant, (await next(runs[1]))?.tenant], ["a", "a"]);
    assert.deepEqual(await start(3, 2), []);
    await jobsOf("b", 3, 0);
    const [third = ""] = await start(3, 2);
    const first = await next(third);
    assert.equal(first?.tenant, "b");
    await finish(keeper, first as ClaimedJob, ended);
    assert.equal((await next(third))?.tenant, "b", "the lower priority, since the other tenant has all its slots");
  });

  it("retires a run if all waiting jobs are of tenants at their maximum, and wakes idle runs when a slot is free", async () => {
    await jobsOf("a", 3);
    await jobsOf("b", 1);
    const runs = await start(3, 2);
    assert.equal(runs.length, 3);
    const claimed = [await next(runs[0]), await next(runs[1]), await next(runs[2])] as ClaimedJob[];
    const firstOfB = claimed.findIndex((job) => job.tenant === "b");
    await finish(keeper, claimed[firstOfB] as ClaimedJob, ended);
    assert.equal(await next(runs[firstOfB]), undefined, "a third job of a is not claimed");

    const notified = new Promise<string>((resolve) => keeper.on("notification", ({ channel }) => resolve(channel)));
    await keeper.query("listen jobs_waiting_glue");
    await finish(keeper, claimed[(firstOfB + 1) % 3] as ClaimedJob, ended);
    assert.equal(await notified, "jobs_waiting_glue");
    assert.equal(await retire(keeper, runs[firstOfB] ?? ""), false, "a job of a can be claimed now");
    assert.equal((await next(runs[firstOfB]))?.tenant, "a");
    assert.equal(await next(runs[(firstOfB + 1) % 3]), undefined);
    assert.equal(await retire(keeper, runs[(firstOfB + 1) % 3] ?? ""), true);
  });

  it("does not keep a run for jobs of a tenant at its maximum", async () => {
    await jobsOf("a", 2);
    const [firstRun = "", secondRun = ""] = await start(2);
    await jobsOf("a", 5);
    assert.ok(await next(firstRun));
    await start(2, 1);
    assert.equal(await next(secondRun), undefined);
    assert.equal(await retire(keeper, secondRun), true);
    assert.deepEqual(await start(2, 1), [], "no run is started in its place");
    await runEnded(dispatcher, secondRun, "ENDED");
    assert.deepEqual(await start(2, 1), []);
  });

  it("releases a tenant's slot while a job waits for another attempt", async () => {
    await jobsOf("a", 2);
    const [run = ""] = await start(2, 1);
    const job = (await next(run)) as ClaimedJob;
    assert.equal(await next(run), undefined);
    await retry(keeper, job, new JobError("DatabaseUnavailable", { reason: "gone" }).body(), 0);
    assert.equal((await next(run))?.requestId, "job-1");
  });

  it("counts a larger run's job, and starts no larger run for a tenant at its maximum", async () => {
    await jobsOf("a", 3);
    const runs = await start(2, 1);
    await planLarger(dispatcher, testPlan("glue", 2), true);
    const job = (await next(runs[0])) as ClaimedJob;
    await retry(keeper, job, new JobError("OutOfMemory", { reason: "killed" }).body(), 0);
    await fixture.admin.query(
      "update jobs.jobs set high_memory_retry_at = jobs.clock() where high_memory_retry_at is not null",
    );
    const normalJob = (await next(runs[0])) as ClaimedJob;
    assert.equal(await planLarger(dispatcher, testPlan("glue", 2), true), undefined);
    await finish(keeper, normalJob, ended);
    const larger = (await planLarger(dispatcher, testPlan("glue", 2), true)) ?? "";
    await runStarted(keeper, larger);
    assert.equal((await next(larger))?.requestId, job.requestId);
    assert.equal(await next(runs[0]), undefined, "the larger run has the tenant's slot");
  });

  it("has no effect if it is not set", async () => {
    await jobsOf("a", 4);
    const runs = await start(4);
    for (const run of runs) assert.equal((await next(run))?.tenant, "a");
  });

  for (const tenants of [2, 500])
    it(`holds for ${tenants} tenants while up to 20 runs claim at once`, async function () {
      this.timeout(120_000);
      const maximum = 3;
      await fill(4_000, tenants);
      const runs = await start(20, maximum);
      assert.equal(runs.length, Math.min(20, maximum * tenants));
      const keepers = await Promise.all(runs.map(() => fixture.as("job_keeper")));
      const claimedBy = new Map<string, number>();
      let maxRunning = 0;
      const count = async () => {
        const { rows } = await fixture.admin.query(
          "select count(*)::int as n from jobs.jobs where status = 'IN_PROGRESS' group by tenant order by 1 desc limit 1",
        );
        maxRunning = Math.max(maxRunning, rows[0]?.n ?? 0);
      };
      let counted = Promise.resolve();
      await Promise.all(
        keepers.map(async (db, index) => {
          for (let round = 0; round < 15; round++) {
            const job = await claim(db, runs[index] ?? "", backend, undefined);
            if (!job) continue;
            claimedBy.set(job.tenant, (claimedBy.get(job.tenant) ?? 0) + 1);
            counted = counted.then(count);
            await counted;
            await finish(db, job, ended);
          }
        }),
      );
      assert.ok(maxRunning <= maximum, `${maxRunning} of one tenant ran at once`);
      const counts = [...claimedBy.values()];
      const all = counts.reduce((sum, count) => sum + count, 0);
      assert.ok(all >= 15 * Math.min(runs.length, maximum), `${all} claims`);
      if (tenants === 2) assert.ok(Math.min(...counts) > all / 4, `both are served: ${counts}`);
      else assert.ok(claimedBy.size > 50, `${claimedBy.size} tenants are served`);
    });

  it("executes one job of each of 500 tenants before a second job of any tenant, if all jobs have the same rank", async function () {
    this.timeout(120_000);
    await fill(1_000, 500);
    await fixture.admin.query("update jobs.jobs set rank = 0");
    const [run = ""] = await start(2, 1);
    const served: string[] = [];
    for (let round = 0; round < 500; round++) {
      const job = (await next(run)) as ClaimedJob;
      served.push(job.tenant);
      await finish(keeper, job, ended);
    }
    // Oldest first within a rank: the first 500 jobs belong to 500 tenants.
    assert.equal(new Set(served).size, 500);
  });

  it("costs a bounded number of rows per claim with 100,000 waiting jobs, half of them of a tenant at its maximum", async function () {
    this.timeout(120_000);
    // The jobs of the tenant at its maximum come before all others. Jobs created over 83 minutes have more than 80 ranks.
    await fill(100_000, 499, "full");
    await fixture.admin.query("analyze jobs.jobs");
    const [firstRun = "", secondRun = ""] = await start(2, 1);
    assert.equal((await next(firstRun))?.tenant, "full");
    const before = await rowsRead();
    const job = await next(secondRun);
    assert.notEqual(job?.tenant, "full");
    const read = (await rowsRead()) - before;
    assert.ok(read < 20_000, `${read} rows were read`);
  });

  /** Rows that index and sequential scans of jobs.jobs have returned, in all sessions. */
  const rowsRead = async (): Promise<number> => {
    await keeper.query("select pg_stat_force_next_flush()");
    await keeper.query("select 1");
    const { rows } = await fixture.admin.query(
      `select (select seq_tup_read + idx_tup_fetch from pg_stat_all_tables where relid = 'jobs.jobs'::regclass)
         + (select sum(idx_tup_read) from pg_stat_all_indexes where relid = 'jobs.jobs'::regclass) as n`,
    );
    return Number(rows[0].n);
  };
});

describe("tenantSlots", () => {
  const settings = (tenants: string[], runners: object) =>
    readSettings({
      RATES_SETTINGS: JSON.stringify({
        queues: {
          requests: "r",
          wakeups: "w",
          deadLetters: "d",
          responses: "s",
          tenants: Object.fromEntries(tenants.map((tenant) => [tenant, tenant])),
        },
        runners,
      }),
    });

  it("is all slots but one if several tenants have a response queue and the stack has more than one slot", () => {
    const several = settings(["a", "b"], { glue: { slots: 5 }, ec2: { slots: 1 } });
    assert.equal(tenantSlots(several, "glue"), 4);
    assert.equal(tenantSlots(several, "ec2"), undefined);
    assert.equal(tenantSlots(settings(["a"], { glue: { slots: 5 } }), "glue"), undefined);
    assert.equal(tenantSlots(readSettings({}), "glue"), undefined);
  });

  it("is the configured value", () => {
    assert.equal(tenantSlots(settings([], { glue: { slots: 5, tenantSlots: 2 } }), "glue"), 2);
    assert.throws(() => settings([], { glue: { tenantSlots: 0 } }), /tenantSlots/);
  });
});
