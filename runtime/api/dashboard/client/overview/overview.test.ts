import assert from "node:assert/strict";
import { dataOf } from "./plot.js";
import { throughputOf } from "./tiles.js";

describe("what the overview draws", () => {
  it("stacks bars by their sums, the highest first, so that each lower one is drawn over it; lines stay as they are", () => {
    const series = [{ values: [1, 2] }, { values: [3, null] }, { values: [9, 9], line: true }];
    assert.deepEqual(dataOf([10, 20], series, true), [
      [10, 20],
      [9, 9],
      [4, 2],
      [1, 2],
    ]);
    assert.deepEqual(dataOf([10, 20], series, false), [
      [10, 20],
      [1, 2],
      [3, null],
      [9, 9],
    ]);
  });

  it("tells the throughput a minute of the last whole steps, not of the one under way", () => {
    const times = { p50: null, p95: null };
    const steps = [100, 1, 2, 3, 4, 5, 70].map((succeeded) => ({
      at: "",
      accepted: 0,
      succeeded,
      failed: 1,
      cancelled: 1,
      queueMs: times,
      runMs: times,
    }));
    assert.equal(throughputOf({ steps, stepSeconds: 60 }), (15 + 10) / 5);
    assert.equal(throughputOf({ steps, stepSeconds: 1_800 }), (15 + 10) / 150);
    assert.equal(throughputOf({ steps: steps.slice(0, 1), stepSeconds: 60 }), 0);
  });
});
