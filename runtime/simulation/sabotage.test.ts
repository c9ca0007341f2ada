import assert from "node:assert/strict";
import { openHarness, type Sabotage } from "./harness.ts";

/** Changes to the production code that violate a guarantee. */
const SABOTAGES: Record<string, Sabotage[]> = {
  "guarantee 1: unsent responses are not sent again": [
    { name: "due_responses", from: "due_at <= jobs.clock()", to: "false" },
  ],
  "guarantee 1: a response is sent that was not requested": [
    {
      name: "end_job",
      from: "job.reply = 'queue' or exists (select from jobs.reply_requests q where q.job_id = p_job)",
      to: "true",
    },
  ],
  "guarantee 1: a repeat that asks for a reply while the job runs is forgotten": [
    {
      name: "end_job",
      from: "job.reply = 'queue' or exists (select from jobs.reply_requests q where q.job_id = p_job)",
      to: "job.reply = 'queue'",
    },
    // Otherwise the dispatcher's maintenance would send the response that the changed end_job omits.
    { name: "due_responses", from: "if exists (select from jobs.reply_requests) then", to: "if false then" },
  ],
  // Switches off both defences, each of which suffices: the fence, which end_job contains twice, and ending the lost
  // run's session.
  "guarantee 2: a run that was paused past its lease commits after the next one": [
    { name: "end_job", from: "p_attempt is null or attempt = p_attempt and j.status = 'IN_PROGRESS'", to: "true" },
    { name: "end_job", from: "p_attempt is null or attempt = p_attempt and j.status = 'IN_PROGRESS'", to: "true" },
    { name: "lost_jobs", from: "backend_pid, backend_start, case", to: "null::integer, null::timestamptz, case" },
  ],
  "guarantee 3: another task with a used id counts as a repeat": [
    { name: "accept", from: "when j.request_hash <> a.request_hash then 'CONFLICT'", to: "when false then 'CONFLICT'" },
  ],
  "guarantee 4: one slot too many": [
    { name: "plan_runs", from: "generate_series(1, p_slots)", to: "generate_series(1, p_slots + 1)" },
  ],
  "guarantee 4: a slot is reused before the start deadline of its run": [
    {
      name: "plan_runs",
      from: "make_interval(secs => p_start_seconds)",
      to: "make_interval(secs => p_start_seconds / 10)",
    },
  ],
  "guarantee 5: a silent runner keeps its job": [
    { name: "lost_jobs", from: "status = 'IN_PROGRESS' and (", to: "false and (" },
  ],
  "guarantee 6: a job is CANCELLED before its session is ended": [
    {
      name: "cancel",
      from: "perform pg_notify('jobs_run_' || job.run_id, 'cancel');",
      to: "perform jobs.end_job(job.id, 'CANCELLED', null, jobs.cancelled(p_reason), 0, 0, null); perform jobs.respond_now(job.id);",
    },
  ],
};
/**
 * Maximum schedules until the violation must be detected: several times the usual number, since the order of calls
 * differs on a busy machine. The test ends with the first detection.
 */
const MAX_SCHEDULES = 600;

describe("the simulation detects a violation of", () => {
  for (const [violation, changes] of Object.entries(SABOTAGES))
    it(violation, async function () {
      this.timeout(300_000);
      const harness = await openHarness();
      try {
        for (const change of changes) await harness.sabotage(change);
        const guarantee = /^guarantee \d: /.exec(violation)?.[0];
        assert.ok(guarantee, `${violation} names no guarantee`);
        for (let seed = 1; seed <= MAX_SCHEDULES; seed++) {
          const { violations } = await harness.runSchedule(seed);
          if (violations.some((text) => text.startsWith(guarantee))) return;
        }
        assert.fail(`${MAX_SCHEDULES} schedules did not violate ${guarantee.slice(0, -2)}`);
      } finally {
        await harness.close();
      }
    });
});
