import assert from "node:assert/strict";
import { ProcessHarness } from "./harness.ts";
import { runProcessSchedules } from "./run.ts";
import { play } from "./schedule.ts";

/** SIMULATION_PROCESSES plays as many, however long that takes. */
const COUNT = Number(process.env.SIMULATION_PROCESSES ?? (process.env.RATES_REQUIRE_ALL === "1" ? 30 : 2));
/** When no further schedule is begun, unless SIMULATION_PROCESSES asked for them: a busy machine plays fewer. */
const ENOUGH_MS = process.env.SIMULATION_PROCESSES === undefined ? 150_000 : Number.POSITIVE_INFINITY;
/** Maximum duration of one schedule, including recovery and a new platform. */
const SCHEDULE_MS = 200_000;

describe("the guarantees of the platform, whatever happens to its processes", () => {
  it("are kept", async function () {
    this.timeout(COUNT * SCHEDULE_MS);
    const begun = performance.now();
    let played = 0;
    await runProcessSchedules({ seed: 1, count: COUNT }, ({ seed, broken, history }) => {
      played++;
      assert.deepEqual(broken, [], `seed ${seed}:\n${history.join("\n")}`);
      return performance.now() - begun < ENOUGH_MS;
    });
    assert(played > 0);
  });

  it("are seen broken: rows that a second attempt writes again", async function () {
    this.timeout(3 * SCHEDULE_MS);
    const stage = await ProcessHarness.open();
    try {
      // A trigger writes each price twice: what a load that is applied twice leaves.
      await stage.server.look(`
        create function fire.twice() returns trigger language plpgsql as $$
        begin
          if pg_trigger_depth() = 1 then insert into prices select * from written; end if;
          return null;
        end $$`);
      await stage.server.look(`create trigger twice after insert on prices referencing new table as written
        for each statement execute function fire.twice()`);
      await stage.server.look("grant usage on schema fire to job_writer");
      for (let seed = 1; seed <= 3; seed++) {
        const { broken } = await play(stage, seed);
        if (broken.some((one) => one.startsWith("guarantee 2"))) return;
      }
      assert.fail("three schedules did not violate guarantee 2");
    } finally {
      await stage.close();
    }
  });

  it("are seen broken: more runs at once than the capacity", async function () {
    this.timeout(4 * SCHEDULE_MS);
    const stage = await ProcessHarness.open();
    try {
      const [plan] =
        (await stage.server.look(
          "select pg_get_functiondef(oid) as source from pg_proc where proname = 'plan_runs'",
        )) ?? [];
      await stage.server.look(plan.source.replace("generate_series(1, p_slots)", "generate_series(1, p_slots + 2)"));
      for (let seed = 1; seed <= 3; seed++) {
        const { broken } = await play(stage, seed);
        if (broken.some((one) => one.startsWith("guarantee 4"))) return;
      }
      assert.fail("three schedules did not violate guarantee 4");
    } finally {
      await stage.close();
    }
  });

  it("are detected as broken: outdated documents, though launches fail and so do the store's calls", async function () {
    this.timeout(5 * SCHEDULE_MS);
    const stage = await ProcessHarness.open({ tracking: "unsteady" });
    try {
      let refused = 0;
      for (let seed = 1; seed <= 3 && refused === 0; seed++) {
        const { broken, history } = await play(stage, seed);
        assert.deepEqual(broken, [], history.join("\n"));
        const [runs] =
          (await stage.server.look(
            "select count(*)::int as refused from jobs.runs where outcome ~ 'the process could not be started'",
          )) ?? [];
        refused = runs.refused;
      }
      assert(refused > 0, "no launch of three schedules was refused");
      await stage.server.look("revoke execute on function jobs.untracked_batch(integer) from dispatcher");
      const { broken } = await play(stage, 4);
      assert(
        broken.some((one) => one.startsWith("the tracking store")),
        broken.join("\n"),
      );
    } finally {
      await stage.close();
    }
  });
});
