import assert from "node:assert/strict";
import { PlanningQueues } from "./planningQueue.ts";

describe("PlanningQueues", () => {
  let now = 0;
  const newQueues = () => new PlanningQueues({ spentMs: 100, windowMs: 1_000, waiting: 3 }, () => now);
  const plan = (milliseconds: number) => async () => {
    now += milliseconds;
    return milliseconds;
  };
  beforeEach(() => {
    now = 0;
  });

  it("refuses only a tenant whose plans took too long, until the window has passed", async () => {
    const queues = newQueues();
    assert.equal(await queues.run("a", plan(60)), 60);
    await assert.rejects(
      queues.run("a", async () => {
        now += 60;
        throw new Error("cut off");
      }),
      /cut off/,
    );
    await assert.rejects(queues.run("a", plan(1)), { code: "Busy" });
    assert.equal(await queues.run("b", plan(1)), 1);
    now = 1_001;
    assert.equal(await queues.run("a", plan(1)), 1);
  });

  it("plans one read of a tenant at a time, in parallel with those of other tenants", async () => {
    const queues = newQueues();
    const running: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const blockedPlan = (name: string) => async () => {
      running.push(name);
      await gate;
    };
    const all = [
      queues.run("a", blockedPlan("a1")),
      queues.run("a", blockedPlan("a2")),
      queues.run("b", blockedPlan("b1")),
    ];
    await new Promise(setImmediate);
    assert.deepEqual(running, ["a1", "b1"]);
    open();
    await Promise.all(all);
    assert.deepEqual(running, ["a1", "b1", "a2"]);
  });

  it("refuses more unfinished reads of a tenant than its maximum", async () => {
    const queues = newQueues();
    const results = await Promise.allSettled([1, 2, 3, 4].map((milliseconds) => queues.run("a", plan(milliseconds))));
    assert.deepEqual(
      results.map((result) => (result.status === "rejected" ? result.reason.code : result.value)),
      [1, 2, 3, "Busy"],
    );
    assert.equal(await queues.run("a", plan(5)), 5);
  });

  it("forgets tenants after the window", async () => {
    const queues = newQueues();
    for (let tenant = 0; tenant < 100; tenant += 1) await queues.run(`t${tenant}`, plan(0));
    now = 2_000;
    await queues.run("last", plan(0));
    assert.equal(queues.tenants, 1);
  });
});
