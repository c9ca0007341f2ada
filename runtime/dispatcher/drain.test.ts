import assert from "node:assert/strict";
import { accept, runStarted } from "../store/jobs.ts";
import { testDispatcher } from "../testing/dispatcher.ts";
import { newJob } from "../testing/jobs.ts";
import { drain, reopenRunners } from "./drain.ts";
import type { InstanceLauncher } from "./launcher.ts";
import { schedule } from "./schedule.ts";

describe("a stack that is being destroyed", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher({ runners: { glue: { slots: 2 }, ec2: { slots: 2 } } });
  });
  afterEach(() => d.close());

  it("ends every run and starts no more, until the stack is reopened", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b", { runner: "ec2" })]);
    assert.equal(await schedule(d.context), 2);
    const [first = ""] = d.launcher.started;
    await runStarted(await d.as("job_keeper"), first);
    assert.equal(await drain(d.context), 2);
    assert.deepEqual(d.launcher.stopped.sort(), d.launcher.started.sort());
    await d.admin.query("update jobs.runs set state = 'ENDED'");
    assert.equal(await schedule(d.context), 0);
    await reopenRunners(d.context);
    assert.equal(await schedule(d.context), 2);
  });

  it("ends runs without a slot too", async () => {
    d.launcher.activeRuns.push({ run: "stray", externalId: "i-1" });
    // Both runner types have this launcher.
    assert.equal(await drain(d.context), 2);
    assert.deepEqual(d.launcher.stopped, ["stray", "stray"]);
  });

  it("terminates all instances with one call: those with a run, without a run, and not listed yet", async () => {
    await accept(d.context.db, [newJob("a", { runner: "ec2" })]);
    await schedule(d.context);
    await d.admin.query("update jobs.runs set external_id = 'i-unlisted'");
    const running = { launch: "l-1", ended: false, isTerminating: false };
    const list = async () => [
      { ...running, instance: "i-stray" },
      { ...running, instance: "i-terminated", ended: true, isTerminating: true },
      { ...running, instance: "i-stopped", ended: true },
    ];
    const calls: (readonly string[])[] = [];
    let failure: Error | undefined;
    const ec2: InstanceLauncher = {
      request: "{}",
      targets: ["subnet-1"],
      limit: 1,
      rate: { name: "none", burst: 1, perSecond: 1 },
      launch: () => assert.fail("nothing is launched"),
      list: () => (failure ? Promise.reject(failure) : list()),
      terminate: async (instances) => void calls.push(instances),
    };
    const context = { ...d.context, launchers: { ...d.context.launchers, ec2 } };
    assert.equal(await drain(context), 3);
    assert.deepEqual(calls, [["i-unlisted", "i-stray", "i-stopped"]]);
    const { rows } = await d.admin.query("select stop_at is not null as stopping from jobs.runs");
    assert.deepEqual(rows, [{ stopping: true }]);
    failure = new Error("no route");
    await assert.rejects(drain(context), /no route/);
    assert.deepEqual(calls[1], ["i-unlisted"]);
  });

  it("ends many runs concurrently, 10 at a time", async () => {
    await accept(
      d.context.db,
      Array.from({ length: 50 }, (_, index) => newJob(`j${index}`)),
    );
    Object.assign(d.context.settings.runners.glue, { slots: 50 });
    await schedule(d.context);
    let concurrent = 0;
    let maxConcurrent = 0;
    d.launcher.stop = async () => {
      maxConcurrent = Math.max(maxConcurrent, ++concurrent);
      await new Promise(setImmediate);
      concurrent--;
    };
    assert.equal(await drain(d.context), 50);
    assert.equal(maxConcurrent, 10);
  });

  it("ends the other runs if one cannot be ended, reports the error, and ends that run when called again", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b")]);
    await schedule(d.context);
    const [failing = "", other = ""] = d.launcher.started;
    const { stop } = d.launcher;
    d.launcher.stop = (run) =>
      run === failing ? Promise.reject(new Error("socket hang up")) : stop.call(d.launcher, run);
    await assert.rejects(
      drain(d.context),
      /Draining failed with 1 problem, the first: Error: socket hang up\. Run destroy again/,
    );
    assert.deepEqual(d.launcher.stopped, [other]);
    d.launcher.stop = stop;
    assert.equal(await drain(d.context), 2);
    assert.deepEqual(d.launcher.stopped.sort(), [failing, other, other].sort());
  });

  it("ends the known runs if AWS does not respond, and reports the error", async () => {
    await accept(d.context.db, [newJob("a")]);
    await schedule(d.context);
    d.launcher.listActive = () => Promise.reject(new Error("no route"));
    await assert.rejects(drain(d.context), /no route/);
    assert.deepEqual(d.launcher.stopped, d.launcher.started);
  });

  it("keeps the back-off of a runner type when it is reopened", async () => {
    await d.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 hour', pauses = 3");
    await reopenRunners(d.context);
    const { rows } = await d.admin.query(
      "select min(pauses) as pauses from jobs.runners where paused_until > jobs.clock()",
    );
    assert.equal(rows[0].pauses, 3);
  });
});
