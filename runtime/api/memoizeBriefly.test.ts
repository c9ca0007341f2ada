import assert from "node:assert/strict";
import { mock } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { memoizeBriefly } from "./memoizeBriefly.ts";

describe("memoizeBriefly", () => {
  afterEach(() => mock.restoreAll());

  it("computes a result once for concurrent callers, and caches it", async () => {
    const cached = memoizeBriefly(60_000);
    let computations = 0;
    const compute = async () => {
      computations += 1;
      await pause(5);
      return computations;
    };
    assert.deepEqual(await Promise.all([cached("a", compute), cached("a", compute)]), [1, 1]);
    assert.equal(await cached("a", compute), 1);
    assert.equal(await cached("b", compute), 2);
  });

  it("caches a result for four times the duration of its computation", async () => {
    let now = 0;
    mock.method(performance, "now", () => now);
    const cached = memoizeBriefly();
    let computations = 0;
    const compute = async () => {
      now += 200;
      return ++computations;
    };
    assert.equal(await cached("a", compute), 1);
    now += 799;
    assert.equal(await cached("a", compute), 1);
    now += 1;
    assert.equal(await cached("a", compute), 2);
  });

  it("does not cache failures", async () => {
    const cached = memoizeBriefly(60_000);
    await assert.rejects(
      cached("a", () => Promise.reject(new Error("gone"))),
      /gone/,
    );
    assert.equal(await cached("a", async () => "back"), "back");
  });
});
