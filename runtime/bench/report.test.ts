import assert from "node:assert/strict";
import { comparePairs, formatNumber, median, missesTarget, percentile, table } from "./report.ts";

describe("the report of the benchmarks", () => {
  it("computes medians and percentiles", () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([1, Number.NaN, 2])], [2, 2.5, Number.NaN]);
    assert.equal(
      percentile(
        Array.from({ length: 100 }, (_, index) => index),
        0.95,
      ),
      95,
    );
  });

  it("formats numbers below 1,000 with three significant digits, and others without decimals", () =>
    assert.deepEqual([0.1234, 12.345, 100, 250.4, 999.7, 20_045.4].map(formatNumber), [
      "0.123",
      "12.3",
      "100",
      "250",
      "1,000",
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

  it("compares results that were measured in turns by the median of their ratios", () =>
    assert.deepEqual(comparePairs([100, 60, 50], [200, 100, 100]), { ours: 60, peer: 100, ratio: 0.5 }));

  it("judges `ratio`, if it is given, instead of ours / peer", () => {
    const row = { name: "x", peerName: "p", unit: "s", ours: 60, peer: 120, higherIsBetter: true, target: 0.7 };
    assert.match(table([{ ...row, ratio: 0.83 }]), /0\.83 +≥ 0\.7 met/);
  });

  it("compares a result with its own maximum, regardless of the peer", () => {
    const row = { name: "x", peerName: "p", unit: "ms", peer: 100, higherIsBetter: false, max: 8 };
    assert.match(table([{ ...row, ours: 8 }]), /0\.08 +≤ 8 ms met/);
    assert.match(table([{ ...row, ours: 9 }]), /0\.09 +≤ 8 ms missed/);
  });

  it("counts a target as missed if the result is beyond it or could not be measured", () => {
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
