import assert from "node:assert/strict";
import { figure, isMissed, median, percentile, table } from "./report.ts";

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
    assert.deepEqual([0.1234, 12.345, 100, 250.4, 20_045.4].map(figure), ["0.123", "12.3", "100", "250", "20,045"]));

  it("reports whether an aim is met, as a minimum or a maximum", () => {
    const row = { what: "x", peerName: "p", unit: "s", peer: 2 };
    const text = table([
      { ...row, ours: 1, higherIsBetter: true, aim: 0.4 },
      { ...row, ours: 5, higherIsBetter: false, aim: 2 },
    ]);
    assert.match(text, /0\.50 +≥ 0\.4 met/);
    assert.match(text, /2\.50 +≤ 2 missed/);
  });

  it("compares a figure with its own maximum, regardless of the peer", () => {
    const row = { what: "x", peerName: "p", unit: "ms", peer: 100, higherIsBetter: false, most: 8 };
    assert.match(table([{ ...row, ours: 8 }]), /0\.08 +≤ 8 ms met/);
    assert.match(table([{ ...row, ours: 9 }]), /0\.09 +≤ 8 ms missed/);
  });

  it("counts an aim as missed if the figure is beyond it or could not be measured", () => {
    const row = { what: "x", peerName: "p", unit: "ms", peer: 2, higherIsBetter: false };
    assert.deepEqual(
      [
        isMissed({ ...row, ours: 2.4, aim: 1.2 }),
        isMissed({ ...row, ours: 2.5, aim: 1.2 }),
        isMissed({ ...row, ours: Number.NaN, aim: 1.2 }),
        isMissed({ ...row, ours: 9, most: 8 }),
        isMissed({ ...row, ours: 100 }),
      ],
      [false, true, true, true, false],
    );
  });
});
