import assert from "node:assert/strict";
import { readSettings } from "../platform/settings.ts";
import { backendOf } from "../store/backend.ts";
import { accept, cancel, claim, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { readWaitingJob, type WaitingJob, waitingOf } from "./waiting.ts";

const settings = (glue: object = { slots: 2 }) =>
  readSettings({ RATES_SETTINGS: JSON.stringify({ runners: { glue, ec2: { slots: 0 } } }) });
const JOB: WaitingJob = {
  ...{ runner: "glue", waitedSeconds: 8, attempt: 0, needsLarger: false, ahead: 3, working: 2, starting: 0 },
  tenantWorking: 1,
};

describe("why a job waits", () => {
  const cases: Record<
    string,
    { change: Partial<WaitingJob>; reason: string; expected: RegExp; glue?: object; remedy?: RegExp }
  > = {
    "all runs are busy": {
      change: {},
      reason: "slots",
      expected: /^Waiting for a Glue run: 2 of 2 busy, 3 jobs ahead, waited 8 s$/,
      remedy: /^To run more jobs at once, raise runners\.glue\.maxRuns\.$/,
    },
    "this machine limits the number of runs": {
      change: {},
      glue: { slots: 2, limitedBy: "this machine runs at most 4 processes per core", limitRemedy: "restart with more" },
      reason: "slots",
      expected: /2 of 2 busy \(this machine runs at most 4 processes per core\), 3 jobs ahead/,
      remedy: /^To run more jobs at once, restart with more\.$/,
    },
    "it is next": {
      change: { ahead: 0, waitedSeconds: 180 },
      reason: "slots",
      expected: /busy, next in line, waited 3 min$/,
    },
    "more than a thousand jobs are ahead": {
      change: { ahead: 1_001 },
      reason: "slots",
      expected: /more than 1,000 jobs ahead/,
    },
    "its tenant uses all its slots": {
      change: { working: 1, tenantSlots: 1 },
      reason: "tenantSlots",
      expected: /^Waiting for a Glue run: 1 of 1 run of tenant acme busy/,
      remedy: /raise runners\.glue\.tenantSlots\.$/,
    },
    "its tenant uses all its slots, and all others are busy": {
      change: { working: 2, tenantSlots: 1 },
      reason: "tenantSlots",
      expected: /^Waiting for a Glue run: 1 of 1 run of tenant acme busy/,
      remedy: /, raise runners\.glue\.maxRuns, and raise runners\.glue\.tenantSlots if it is set\.$/,
    },
    "a run starts": {
      change: { working: 1, starting: 1, ahead: 1 },
      reason: "starting",
      expected: /1 starting, 1 job ahead/,
    },
    "a run did not start": {
      change: { working: 0, paused: "2026-01-01T00:00:00.000Z" },
      reason: "paused",
      expected: /^Waiting for a Glue run: the last one did not start; the platform retries soon/,
      remedy:
        /the dispatcher's log; if AWS refuses more Glue runs, raise the account's Glue quota, then quotas\.glueRuns\.$/,
    },
    "the platform is drained": { change: { working: 0, paused: "closed" }, reason: "drained", expected: /draining/ },
    "the stack has no runs of this type": {
      change: { runner: "ec2" },
      reason: "noRuns",
      expected: /^Waiting for an EC2 run: this stack has no runs of this type/,
      remedy: /raise runners\.ec2\.maxInstances\.$/,
    },
    "its last attempt failed": {
      change: { attempt: 1, notBeforeSeconds: 4, lastError: "RunnerLost" },
      reason: "retry",
      expected: /^Waiting for attempt 2 in 4 s \(the last failed: RunnerLost\), waited 8 s$/,
    },
    "it needs more memory": {
      change: { needsLarger: true },
      reason: "largerRun",
      expected: /^Waiting for a larger Glue run/,
    },
  };
  for (const [name, { change, reason, expected, glue, remedy }] of Object.entries(cases))
    it(`is reported when ${name}`, () => {
      const waiting = waitingOf({ ...JOB, ...change }, settings(glue), "acme");
      assert.equal(waiting.reason, reason);
      assert.match(waiting.sentence, expected);
      if (remedy) assert.match(waiting.remedy ?? "", remedy);
      else if (reason !== "slots") assert.equal(waiting.remedy, undefined);
    });

  it("is read from the database: jobs ahead by priority and age, and busy runs", async () => {
    const fixture = await jobDatabase();
    try {
      const dispatcher = await fixture.as("dispatcher");
      const [api, keeper] = await Promise.all([fixture.as("api_reader"), fixture.as("job_keeper")]);
      await accept(
        dispatcher,
        ["first", "second", "third"].map((id) => newJob(id)),
      );
      await accept(dispatcher, [newJob("urgent", { priority: 9 }), newJob("other", { runner: "ec2" })]);
      const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
      await runStarted(keeper, run);
      const waiting = async (id: string) => await readWaitingJob(api, "default", id);
      assert.equal((await waiting("third"))?.ahead, 3);
      const job = await claim(keeper, run, await backendOf(keeper), undefined);
      assert.equal(job?.requestId, "urgent");
      assert.equal(await waiting("urgent"), undefined);
      const second = await waiting("second");
      assert.deepEqual([second?.ahead, second?.working, second?.runner, second?.needsLarger], [1, 1, "glue", false]);
      assert.equal((await waiting("other"))?.ahead, 0);
      await cancel(api, "default", "first");
      assert.equal((await waiting("second"))?.ahead, 0);
      assert.equal(await waiting("none"), undefined);
      assert.equal(await readWaitingJob(api, "acme", "second"), undefined);
    } finally {
      await fixture.close();
    }
  });
});
