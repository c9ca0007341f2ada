import assert from "node:assert/strict";
import { ProcessHarness } from "./harness.ts";
import { runProcessSchedules } from "./run.ts";
import { runSchedule } from "./schedule.ts";

/** SIMULATION_PROCESSES sets the number of schedules, without a time limit. */
const COUNT = Number(process.env.SIMULATION_PROCESSES ?? (process.env.RATES_REQUIRE_ALL === "1" ? 30 : 2));
/** Time after which no further schedule starts, so that a busy machine runs fewer; none if SIMULATION_PROCESSES is set. */
const TIME_LIMIT_MS = process.env.SIMULATION_PROCESSES === undefined ? 150_000 : Number.POSITIVE_INFINITY;
/** Maximum duration of one schedule, including recovery and a new platform. */
const SCHEDULE_MS = 200_000;

describe("the guarantees of the platform under faults of its processes", () => {
  it("hold", async function () {
    this.timeout(COUNT * SCHEDULE_MS);
    const startedAt = performance.now();
    let finished = 0;
    await runProcessSchedules({ seed: 1, count: COUNT }, ({ seed, violations, history }) => {
      finished++;
      assert.deepEqual(violations, [], `seed ${seed}:\n${history.join("\n")}`);
      return performance.now() - startedAt < TIME_LIMIT_MS;
    });
    assert(finished > 0);
  });

  it("are reported as violated if rows are applied twice", async function () {
    this.timeout(3 * SCHEDULE_MS);
    const harness = await ProcessHarness.open();
    try {
      // A trigger writes each price twice, like a load that is applied twice.
      await harness.server.tryQuery(`
        create function simulation.twice() returns trigger language plpgsql as $$
        begin
          if pg_trigger_depth() = 1 then insert into prices select * from written; end if;
          return null;
        end $$`);
      await harness.server.tryQuery(`create trigger twice after insert on prices referencing new table as written
        for each statement execute function simulation.twice()`);
      await harness.server.tryQuery("grant usage on schema simulation to job_writer");
      for (let seed = 1; seed <= 3; seed++) {
        const { violations } = await runSchedule(harness, seed);
        if (violations.some((violation) => violation.startsWith("guarantee 2"))) return;
      }
      assert.fail("three schedules did not violate guarantee 2");
    } finally {
      await harness.close();
    }
  });

  it("are reported as violated if more runs than slots exist at once", async function () {
    this.timeout(11 * SCHEDULE_MS);
    const harness = await ProcessHarness.open();
    try {
      const [plan] =
        (await harness.server.tryQuery(
          "select pg_get_functiondef(oid) as source from pg_proc where proname = 'plan_runs'",
        )) ?? [];
      await harness.server.tryQuery(
        plan.source.replace("generate_series(1, p_slots)", "generate_series(1, p_slots + 2)"),
      );
      // On a quiet machine runs are so fast that most schedules need no more runs than slots.
      for (let seed = 1; seed <= 10; seed++) {
        const { violations } = await runSchedule(harness, seed);
        if (violations.some((violation) => violation.startsWith("guarantee 4"))) return;
      }
      assert.fail("ten schedules did not violate guarantee 4");
    } finally {
      await harness.close();
    }
  });

  it("hold while launches and calls to the tracking store fail; outdated documents are reported", async function () {
    this.timeout(5 * SCHEDULE_MS);
    const harness = await ProcessHarness.open({ tracking: "unsteady" });
    try {
      let refused = 0;
      for (let seed = 1; seed <= 3 && refused === 0; seed++) {
        const { violations, history } = await runSchedule(harness, seed);
        assert.deepEqual(violations, [], history.join("\n"));
        const [runs] =
          (await harness.server.tryQuery(
            "select count(*)::int as refused from jobs.runs where outcome ~ 'the process could not be started'",
          )) ?? [];
        refused = runs.refused;
      }
      assert(refused > 0, "no launch of three schedules was refused");
      await harness.server.tryQuery("revoke execute on function jobs.untracked_batch(integer) from dispatcher");
      const { violations } = await runSchedule(harness, 4);
      assert(
        violations.some((violation) => violation.startsWith("the tracking store")),
        violations.join("\n"),
      );
    } finally {
      await harness.close();
    }
  });
});
