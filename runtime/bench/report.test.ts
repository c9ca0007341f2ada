import assert from "node:assert/strict";
import { formatNumber, median, missesTarget, percentile, table } from "./report.ts";

describe("the benchmarks' arithmetic", () => {
  it("computes medians and percentiles", () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
    assert.equal(
      percentile(
        Array.from({ length: 100 }, (_, index) => index),
        0.95,
      ),
      95,
    );
  });

  it("writes figures with three significant digits, and without decimals from 1,000", () =>
    assert.deepEqual([0.1234, 12.345, 100, 250.4, 20_045.4].map(formatNumber), [
      "0.123",
      "12.3",
      "100",
      "250",
      "20,045",
    ]));

  it("reports whether a target is met, as a minimum or a maximum", () => {
    const row = { name: "x", peerName: "p", unit: "s", peer: 2 };
    const text = table([
      { ...row, ours: 1, higherIsBetter: true, target: 0.4 },
      { ...row, ours: 5, higherIsBetter: false, target: 2 },
    ]);
    assert.match(text, /0\.50 +≥ 0\.4 met/);
    assert.match(text, /2\.50 +≤ 2 missed/);
  });

  it("compares a figure with its own maximum, regardless of the peer", () => {
    const row = { name: "x", peerName: "p", unit: "ms", peer: 100, higherIsBetter: false, max: 8 };
    assert.match(table([{ ...row, ours: 8 }]), /0\.08 +≤ 8 ms met/);
    assert.match(table([{ ...row, ours: 9 }]), /0\.09 +≤ 8 ms missed/);
  });

  it("counts a target as missed if the figure is beyond it or could not be measured", () => {
    const row = { name: "x", peerName: "p", unit: "ms", peer: 2, higherIsBetter: false };
    assert.deepEqual(
      [
        missesTarget({ ...row, ours: 2.4, target: 1.2 }),
        missesTarget({ ...row, ours: 2.5, target: 1.2 }),
        missesTarget({ ...row, ours: Number.NaN, target: 1.2 }),
        missesTarget({ ...row, ours: 9, max: 8 }),
        missesTarget({ ...row, ours: 100 }),
      ],
      [false, true, true, true, false],
    );
  });
});
