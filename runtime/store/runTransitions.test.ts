import assert from "node:assert/strict";
import { JobError } from "../contract/errors.ts";
import { newJob, testPlan } from "../testing/jobs.ts";
import { backend, type TransitionClients, transitionStore } from "../testing/transitions.ts";
import { accept, claim, retire, retry, runStarted } from "./jobs.ts";
import { openRuns, overflow, planRuns, runEnded, runLaunched, runRefused } from "./runs.ts";

const retryableError = new JobError("DatabaseUnavailable", { reason: "gone" }).body();

/** Effects of transitions of runs and runner types that runs.test.ts does not cover. */
describe("the job store during transitions of a run or runner type", () => {
  let { fixture, dispatcher, keeper, run } = {} as TransitionClients;
  const { sql, startRun, acceptAndClaim, jobColumns } = transitionStore((clients) => {
    ({ fixture, dispatcher, keeper, run } = clients);
  });

  it("plans no run for a job in back-off, and lets no run claim it", async () => {
    const job = await acceptAndClaim("a");
    await retry(keeper, job, retryableError, 1);
    assert.deepEqual(await planRuns(dispatcher, testPlan("glue", 9)), []);
    assert.equal(await claim(keeper, run, backend, undefined), undefined);
  });

  it("does not count a run as free that is silent, ending or of another version", async () => {
    await accept(dispatcher, [newJob("a")]);
    const plan = testPlan("glue", 9);
    assert.deepEqual(await planRuns(dispatcher, plan), [], "there is a free run");
    await sql("update jobs.runs set seen_at = jobs.clock() - interval '31 seconds'");
    assert.equal((await planRuns(dispatcher, plan)).length, 1);
    await sql("delete from jobs.runs where id <> $1", run);
    await sql("update jobs.runs set seen_at = jobs.clock(), stop_at = jobs.clock()");
    assert.equal((await planRuns(dispatcher, plan)).length, 1);
    await sql("delete from jobs.runs where id <> $1", run);
    await sql("update jobs.runs set stop_at = null");
    assert.equal((await planRuns(dispatcher, { ...plan, version: "new" })).length, 1);
  });

  it("hands no read to EC2 if EC2 is paused, has no capacity, or has waiting jobs", async () => {
    await accept(dispatcher, [newJob("a", { ec2Fallback: true }), newJob("here", { priority: 9 })]);
    await sql("update jobs.jobs set created_at = created_at - interval '6 seconds'");
    const slots = { glue: 1, ec2: 1 };
    await sql("update jobs.runners set paused_until = jobs.clock() + interval '1 minute' where runner = 'ec2'");
    assert.equal(await overflow(dispatcher, slots), 0);
    await sql("update jobs.runners set paused_until = null");
    await accept(dispatcher, [newJob("waits there", { runner: "ec2" })]);
    assert.equal(await overflow(dispatcher, slots), 0);
    assert.equal(await overflow(dispatcher, { glue: 1, ec2: 2 }), 1);
    assert.deepEqual(
      [(await jobColumns("a", "runner")).runner, (await jobColumns("here", "runner")).runner],
      ["ec2", "glue"],
      "only a read that may run there",
    );
  });

  it("hands EC2 no more reads than it has capacity for, with concurrent dispatchers", async () => {
    const dispatchers = await Promise.all([1, 2, 3, 4].map(() => fixture.as("dispatcher")));
    for (let round = 0; round < 10; round++) {
      await sql("delete from jobs.jobs");
      await accept(
        dispatcher,
        Array.from({ length: 9 }, (_, index) => newJob(`${round}-${index}`, { ec2Fallback: true })),
      );
      await sql("update jobs.jobs set created_at = created_at - interval '6 seconds'");
      const moved = await Promise.all(dispatchers.map((db) => overflow(db, { glue: 1, ec2: 2 })));
      assert.equal(
        moved.reduce((sum, count) => sum + count, 0),
        2,
      );
    }
  });

  it("keeps the first external id of a run", async () => {
    await runLaunched(dispatcher, run, "first");
    await runLaunched(dispatcher, run, "second");
    assert.equal((await openRuns(dispatcher, 30))[0]?.externalId, "first");
  });

  it("records a run's end once, and a refusal only before the run has started", async () => {
    await runEnded(dispatcher, run, "ENDED");
    const [{ ended_at: first }] = await sql("select ended_at from jobs.runs");
    await runEnded(dispatcher, run, "LOST");
    assert.deepEqual(await sql("select outcome, ended_at from jobs.runs"), [{ outcome: "ENDED", ended_at: first }]);
    const other = await startRun();
    await runRefused(dispatcher, other, "too late to say so");
    assert.deepEqual(await sql("select state from jobs.runs where id = $1", other), [{ state: "RUNNING" }]);
  });

  it("pauses all dispatchers for at most two minutes when the account has no capacity", async () => {
    await sql("update jobs.runners set pauses = 50");
    await accept(dispatcher, [newJob("a"), newJob("b")]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 9));
    await runRefused(dispatcher, run, "no capacity");
    const [{ pause }] = await sql(
      "select extract(epoch from paused_until - jobs.clock())::float8 as pause from jobs.runners where runner = 'glue'",
    );
    assert(pause > 100 && pause <= 120, `${pause} s`);
  });

  it("counts concurrently refused launches as one refusal", async () => {
    await accept(
      dispatcher,
      Array.from({ length: 6 }, (_, index) => newJob(`job-${index}`)),
    );
    const refused = await planRuns(dispatcher, testPlan("glue", 9));
    assert(refused.length > 3);
    // A pause of half a minute: on a busy machine, a pause of a second ends before the last refusal.
    await sql("update jobs.runners set pauses = 5");
    const dispatchers = await Promise.all(refused.map(() => fixture.as("dispatcher")));
    const until = await Promise.all(
      refused.map((run, index) => runRefused(dispatchers[index] ?? dispatcher, run, "no capacity")),
    );
    assert.equal(new Set(until).size, 1, "all receive the same end of the pause");
    assert.deepEqual(await sql("select pauses from jobs.runners where runner = 'glue'"), [{ pauses: 6 }]);
  });

  it("keeps a runner type closed when the account refuses a run or a run ends meanwhile", async () => {
    await accept(dispatcher, [newJob("a"), newJob("b"), newJob("c")]);
    const [refused = "", ended = ""] = await planRuns(dispatcher, testPlan("glue", 9));
    await dispatcher.query("select jobs.close_runners(true)");
    await runRefused(dispatcher, refused, "no capacity");
    await runEnded(dispatcher, ended, "ENDED");
    assert.deepEqual(await sql("select paused_until = 'infinity' as closed from jobs.runners where runner = 'glue'"), [
      { closed: true },
    ]);
    await dispatcher.query("select jobs.close_runners(false)");
  });

  it("keeps a runner type closed when a run starts", async () => {
    await accept(dispatcher, [newJob("a"), newJob("b")]);
    const [run = ""] = await planRuns(dispatcher, testPlan("glue", 9));
    await dispatcher.query("select jobs.close_runners(true)");
    await runStarted(keeper, run);
    assert.deepEqual(await sql("select paused_until = 'infinity' as closed from jobs.runners where runner = 'glue'"), [
      { closed: true },
    ]);
    await dispatcher.query("select jobs.close_runners(false)");
  });

  it("does not end a back-off when closed runner types are reopened", async () => {
    await sql(
      "update jobs.runners set paused_until = jobs.clock() + interval '1 minute', pauses = 3 where runner = 'ec2'",
    );
    await dispatcher.query("select jobs.close_runners(false)");
    assert.deepEqual(
      await sql("select pauses, paused_until > jobs.clock() as paused from jobs.runners where runner = 'ec2'"),
      [{ pauses: 3, paused: true }],
    );
  });

  it("does not retire a run that has already ended", async () => {
    await runEnded(dispatcher, run, "LOST");
    assert.equal(await retire(keeper, run), false);
    assert.deepEqual(await sql("select state from jobs.runs"), [{ state: "ENDED" }]);
  });
});
