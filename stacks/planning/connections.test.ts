import assert from "node:assert/strict";
import { CONNECTIONS_PER } from "../../infra/limits/capacity.ts";
import type { RunnerType } from "../../runtime/contract/states.ts";
import { schedule } from "../../runtime/dispatcher/schedule.ts";
import { cancel } from "../../runtime/store/jobs.ts";
import { testPlatform } from "../../runtime/testing/runner/runner.ts";

/** Returns the roles of a real runner's sessions at their maximum: while it cancels a read, after the given jobs. */
async function mostSessions(kind: RunnerType, jobs: object[]): Promise<string[]> {
  const runnerSettings = { slots: 1, idleSeconds: 60 };
  const none = { slots: 0 };
  // Without runs of the other type this one gets all jobs, as it does when the other is full.
  const platform = await testPlatform({
    runners: { glue: kind === "glue" ? runnerSettings : none, ec2: kind === "ec2" ? runnerSettings : none },
    jobs: { leaseSeconds: 30 },
  });
  try {
    for (const [index, task] of jobs.entries()) await platform.request({ requestId: `before-${index}`, task });
    await schedule(platform.context);
    platform.startRuns(kind);
    for (const index of jobs.keys())
      await platform.until(
        "a job before",
        async () => (await platform.document(`before-${index}`)).status === "SUCCEEDED",
      );
    await platform.requestUnchecked({ requestId: "long", task: { type: "read", sql: "select pg_sleep(60)" } });
    // A claim names the warm session, which need not be the one that reads.
    let reading = 0;
    await platform.until("the long read", async () => {
      const { rows } = await platform.admin.query(
        `select a.pid from jobs.jobs j join pg_stat_activity a on a.pid = j.backend_pid
         where j.request_id = 'long' and a.usename like 'job_reader%' and a.query like 'copy%pg_sleep%'`,
      );
      reading = rows[0]?.pid ?? 0;
      return reading > 0;
    });
    // A stopped session receives no cancel: the canceller stays until the session continues.
    process.kill(reading, "SIGSTOP");
    let maxSessions: string[] = [];
    try {
      await cancel(await platform.as("api_reader"), "default", "long");
      await platform.until("the canceller", async () => {
        const sessions = await platform.admin.query(
          `select usename as role from pg_stat_activity
           where datname = current_database() and application_name like 'rates %' order by 1`,
        );
        maxSessions = sessions.rows.map(({ role }) => role);
        return maxSessions.includes("canceller");
      });
    } finally {
      process.kill(reading, "SIGCONT");
    }
    await platform.until("the cancel", async () => (await platform.document("long")).status === "CANCELLED");
    return maxSessions;
  } finally {
    await platform.close();
  }
}

describe("planned connections of a run", () => {
  const update = { type: "update", statement: "purge_prices", params: { before: "2000-01-01" } };

  it("match a run of reads: its work, its lease and a canceller", async () => {
    const sessions = await mostSessions("glue", [{ type: "read", sql: "select 1" }]);
    assert.deepEqual(sessions, ["canceller", "job_keeper", "job_reader_glue_1"]);
    assert.equal(CONNECTIONS_PER.glueRun, sessions.length);
  });

  it("match an EC2 runner with updates and reads: a warm work session for each", async () => {
    const sessions = await mostSessions("ec2", [update]);
    assert.deepEqual(sessions, ["canceller", "job_keeper", "job_reader_ec2_1", "job_writer"]);
    assert.equal(CONNECTIONS_PER.ec2Instance, sessions.length);
  });
});
