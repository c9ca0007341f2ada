import assert from "node:assert/strict";
import { CONNECTIONS_PER } from "../../infra/limits/capacity.ts";
import type { RunnerType } from "../../runtime/contract/states.ts";
import { schedule } from "../../runtime/dispatcher/schedule.ts";
import { cancel } from "../../runtime/store/jobs.ts";
import { testPlatform } from "../../runtime/testing/runner/runner.ts";

/**
 * Runs the given jobs, then cancels a read, and returns the roles of the run's sessions while the canceller is
 * connected, when the run has the most sessions.
 */
async function maxSessionRoles(runnerType: RunnerType, jobs: object[]): Promise<string[]> {
  const runnerSettings = { slots: 1, idleSeconds: 60 };
  const noSlots = { slots: 0 };
  // Without slots of the other type, this type gets all jobs, as it does when the other type has no free slot.
  const platform = await testPlatform({
    runners: {
      glue: runnerType === "glue" ? runnerSettings : noSlots,
      ec2: runnerType === "ec2" ? runnerSettings : noSlots,
    },
    jobs: { leaseSeconds: 30 },
  });
  try {
    for (const [index, task] of jobs.entries()) await platform.request({ requestId: `before-${index}`, task });
    await schedule(platform.context);
    platform.startRuns(runnerType);
    for (const index of jobs.keys())
      await platform.until(
        "an earlier job",
        async () => (await platform.document(`before-${index}`)).status === "SUCCEEDED",
      );
    await platform.requestUnchecked({ requestId: "long", task: { type: "read", sql: "select pg_sleep(60)" } });
    // A claim records the warm session as backend_pid. Polls until backend_pid is the session that executes the read.
    let reading = 0;
    await platform.until("the long read", async () => {
      const { rows } = await platform.admin.query(
        `select a.pid from jobs.jobs j join pg_stat_activity a on a.pid = j.backend_pid
         where j.request_id = 'long' and a.usename like 'job_reader%' and a.query like 'copy%pg_sleep%'`,
      );
      reading = rows[0]?.pid ?? 0;
      return reading > 0;
    });
    // A stopped process does not handle the cancel, so the canceller stays connected until the process continues.
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

  it("match a Glue run: sessions for its read, its lease and the canceller", async () => {
    const sessions = await maxSessionRoles("glue", [{ type: "read", sql: "select 1" }]);
    assert.deepEqual(sessions, ["canceller", "job_keeper", "job_reader_glue_1"]);
    assert.equal(CONNECTIONS_PER.glueRun, sessions.length);
  });

  it("match an EC2 run, which keeps one warm session for updates and one for reads", async () => {
    const sessions = await maxSessionRoles("ec2", [update]);
    assert.deepEqual(sessions, ["canceller", "job_keeper", "job_reader_ec2_1", "job_writer"]);
    assert.equal(CONNECTIONS_PER.ec2Instance, sessions.length);
  });
});
