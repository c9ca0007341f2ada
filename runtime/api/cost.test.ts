import assert from "node:assert/strict";
import { backendOf } from "../store/backend.ts";
import { claim, finish, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testApi } from "../testing/api/api.ts";
import { testPlan } from "../testing/jobs.ts";
import { estimateJobUsd } from "./cost.ts";

describe("the estimated cost of a job", () => {
  const runner = { slots: 1, idleSeconds: 30, startSeconds: 1, lifetimeSeconds: 1 };
  const runners = { glue: { ...runner, usdPerHour: 0.6 }, ec2: { ...runner, usdPerHour: 2.4 } };
  const attempt = (type: "glue" | "ec2", from: number, to?: number) => ({
    runner: type,
    runId: "r",
    startedAt: new Date(1_000 * from).toISOString(),
    ...(to === undefined ? {} : { endedAt: new Date(1_000 * to).toISOString() }),
  });
  const finishedAt = new Date(120_000).toISOString();

  it("is the run time of all attempts multiplied by the prices of their runner types", () => {
    const attempts = [attempt("glue", 0, 60), attempt("ec2", 60)];
    assert.equal(estimateJobUsd({ finishedAt, attempts }, runners)?.toFixed(6), "0.050000");
  });

  it("is unknown before the job has ended, if it never ran, and without prices", () => {
    const attempts = [attempt("glue", 0, 60)];
    assert.equal(estimateJobUsd({ attempts }, runners), undefined);
    assert.equal(estimateJobUsd({ finishedAt, attempts: [] }, runners), undefined);
    assert.equal(estimateJobUsd({ finishedAt, attempts }, { glue: runner, ec2: runner }), undefined);
  });

  it("is in GET /jobs/{id} once the job has ended", async () => {
    const p = await testApi({ runners: { glue: { usdPerHour: 3_600 }, ec2: { usdPerHour: 3_600 } } });
    try {
      const headers = await p.as("default");
      const task = { type: "read", query: "price_export", params: {} };
      await p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId: "a", task } });
      const read = async () => (await p.app.inject({ url: "/jobs/a", headers })).json();
      assert.equal((await read()).estimatedUsd, undefined);
      const keeper = await p.role("job_keeper");
      const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
      await runStarted(keeper, run);
      const job = await claim(keeper, run, await backendOf(keeper), undefined);
      assert(job);
      await finish(keeper, job, { status: "SUCCEEDED", rows: 1, bytes: 1, peakMemoryBytes: 1, result: '{"rows":1}' });
      const { estimatedUsd, attempts, finishedAt: end } = await read();
      const seconds = (Date.parse(attempts[0].endedAt ?? end) - Date.parse(attempts[0].startedAt)) / 1_000;
      assert.ok(Math.abs(estimatedUsd - seconds) < 1e-9, `${estimatedUsd} for ${seconds} s`);
    } finally {
      await p.close();
    }
  });
});
