import assert from "node:assert/strict";
import { ProcessHarness } from "./harness.ts";
import { runProcessSchedules } from "./run.ts";
import { play } from "./schedule.ts";

/** SIMULATION_PROCESSES sets the number of schedules, without a time limit. */
const COUNT = Number(process.env.SIMULATION_PROCESSES ?? (process.env.RATES_REQUIRE_ALL === "1" ? 30 : 2));
/** Time after which no further schedule starts, unless SIMULATION_PROCESSES is set: a busy machine runs fewer. */
const TIME_LIMIT_MS = process.env.SIMULATION_PROCESSES === undefined ? 150_000 : Number.POSITIVE_INFINITY;
/** Maximum duration of one schedule, including recovery and a new platform. */
const SCHEDULE_MS = 200_000;

describe("the guarantees of the platform, under faults of its processes", () => {
  it("hold", async function () {
    this.timeout(COUNT * SCHEDULE_MS);
    const begun = performance.now();
    let played = 0;
    await runProcessSchedules({ seed: 1, count: COUNT }, ({ seed, violations: broken, history }) => {
      played++;
      assert.deepEqual(broken, [], `seed ${seed}:\n${history.join("\n")}`);
      return performance.now() - begun < TIME_LIMIT_MS;
    });
    assert(played > 0);
  });

  it("are detected as violated: rows that a second attempt writes again", async function () {
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
        const { violations: broken } = await play(harness, seed);
        if (broken.some((one) => one.startsWith("guarantee 2"))) return;
      }
      assert.fail("three schedules did not violate guarantee 2");
    } finally {
      await harness.close();
    }
  });

  it("are detected as violated: more concurrent runs than the capacity", async function () {
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
      // On a quiet machine runs are so fast that most schedules need no more of them than there are slots.
      for (let seed = 1; seed <= 10; seed++) {
        const { violations: broken } = await play(harness, seed);
        if (broken.some((one) => one.startsWith("guarantee 4"))) return;
      }
      assert.fail("ten schedules did not violate guarantee 4");
    } finally {
      await harness.close();
    }
  });

  it("are detected as violated: outdated documents, while launches and calls of the store fail", async function () {
    this.timeout(5 * SCHEDULE_MS);
    const harness = await ProcessHarness.open({ tracking: "unsteady" });
    try {
      let refused = 0;
      for (let seed = 1; seed <= 3 && refused === 0; seed++) {
        const { violations: broken, history } = await play(harness, seed);
        assert.deepEqual(broken, [], history.join("\n"));
        const [runs] =
          (await harness.server.tryQuery(
            "select count(*)::int as refused from jobs.runs where outcome ~ 'the process could not be started'",
          )) ?? [];
        refused = runs.refused;
      }
      assert(refused > 0, "no launch of three schedules was refused");
      await harness.server.tryQuery("revoke execute on function jobs.untracked_batch(integer) from dispatcher");
      const { violations: broken } = await play(harness, 4);
      assert(
        broken.some((one) => one.startsWith("the tracking store")),
        broken.join("\n"),
      );
    } finally {
      await harness.close();
    }
  });
});
