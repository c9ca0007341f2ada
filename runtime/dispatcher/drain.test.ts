import assert from "node:assert/strict";
import { accept, runStarted } from "../jobs/store.ts";
import { newJob } from "../jobs/testing.ts";
import { drain, reopen } from "./drain.ts";
import { schedule } from "./schedule.ts";
import { testDispatcher } from "./testing.ts";

describe("a stack that is destroyed", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher({ runners: { glue: { slots: 2 }, ec2: { slots: 2 } } });
  });
  afterEach(() => d.close());

  it("ends every run and starts no other, and goes on where it was if it stays after all", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b", { runner: "ec2" })]);
    assert.equal(await schedule(d.context), 2);
    const [first = ""] = d.launcher.started;
    await runStarted(await d.as("job_keeper"), first);
    assert.equal(await drain(d.context), 2);
    assert.deepEqual(d.launcher.stopped.sort(), d.launcher.started.sort());
    await d.admin.query("update jobs.runs set state = 'ENDED'");
    assert.equal(await schedule(d.context), 0);
    await reopen(d.context);
    assert.equal(await schedule(d.context), 2);
  });

  it("leaves a back-off alone when it is only deployed again", async () => {
    await d.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 hour', pauses = 3");
    await reopen(d.context);
    const { rows } = await d.admin.query(
      "select min(pauses) as pauses from jobs.runners where paused_until > jobs.clock()",
    );
    assert.equal(rows[0].pauses, 3);
  });
});
