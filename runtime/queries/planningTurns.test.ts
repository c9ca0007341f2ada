import assert from "node:assert/strict";
import { PlanningTurns } from "./planningTurns.ts";

describe("turns of planning reads", () => {
  let now = 0;
  const newTurns = () => new PlanningTurns({ spentMs: 100, windowMs: 1_000, waiting: 3 }, () => now);
  const plan = (milliseconds: number) => async () => {
    now += milliseconds;
    return milliseconds;
  };
  beforeEach(() => {
    now = 0;
  });

  it("refuses a tenant whose plans took too long until the window has passed, and no other tenant", async () => {
    const shared = newTurns();
    assert.equal(await shared.run("a", plan(60)), 60);
    await assert.rejects(
      shared.run("a", async () => {
        now += 60;
        throw new Error("cut off");
      }),
      /cut off/,
    );
    await assert.rejects(shared.run("a", plan(1)), { code: "Busy" });
    assert.equal(await shared.run("b", plan(1)), 1);
    now = 1_001;
    assert.equal(await shared.run("a", plan(1)), 1);
  });

  it("plans one read of a tenant at a time, in parallel with those of other tenants", async () => {
    const shared = newTurns();
    const running: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const blockedPlan = (name: string) => async () => {
      running.push(name);
      await gate;
    };
    const all = [
      shared.run("a", blockedPlan("a1")),
      shared.run("a", blockedPlan("a2")),
      shared.run("b", blockedPlan("b1")),
    ];
    await new Promise(setImmediate);
    assert.deepEqual(running, ["a1", "b1"]);
    open();
    await Promise.all(all);
    assert.deepEqual(running, ["a1", "b1", "a2"]);
  });

  it("refuses more waiting reads of a tenant than its maximum", async () => {
    const shared = newTurns();
    const results = await Promise.allSettled([1, 2, 3, 4].map((one) => shared.run("a", plan(one))));
    assert.deepEqual(
      results.map((result) => (result.status === "rejected" ? result.reason.code : result.value)),
      [1, 2, 3, "Busy"],
    );
    assert.equal(await shared.run("a", plan(5)), 5);
  });

  it("forgets tenants after the window", async () => {
    const shared = newTurns();
    for (let tenant = 0; tenant < 100; tenant += 1) await shared.run(`t${tenant}`, plan(0));
    now = 2_000;
    await shared.run("last", plan(0));
    assert.equal(shared.tenants, 1);
  });
});
