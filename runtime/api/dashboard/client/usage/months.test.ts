import assert from "node:assert/strict";
import { hours, monthAfter, sumOf, usd } from "./months.js";

describe("months of usage", () => {
  it("follow one another across years", () => {
    assert.deepEqual(
      [monthAfter("2026-01", -1), monthAfter("2025-12", 1), monthAfter("2026-05", 0)],
      ["2025-12", "2026-01", "2026-05"],
    );
  });

  it("have run time in hours and amounts in dollars and cents", () => {
    assert.deepEqual([hours(5_400), hours(0), hours(36_000_000)], ["1.50\u00a0h", "0.00\u00a0h", "10,000.00\u00a0h"]);
    assert.deepEqual([usd(1_234.5), usd(0), usd(undefined)], ["1,234.50", "0.00", ""]);
  });

  it("sum the usage of all tenants", () => {
    const usage = {
      tenant: "acme",
      succeeded: 1,
      failed: 2,
      cancelled: 3,
      rows: 4,
      bytes: 5,
      glueSeconds: 6,
      ec2Seconds: 7,
    };
    const sum = sumOf([
      { ...usage, estimatedUsd: 0.5 },
      { ...usage, estimatedUsd: 0.25 },
    ]);
    const doubled = {
      tenant: "",
      succeeded: 2,
      failed: 4,
      cancelled: 6,
      rows: 8,
      bytes: 10,
      glueSeconds: 12,
      ec2Seconds: 14,
    };
    assert.deepEqual(sum, { ...doubled, estimatedUsd: 0.75 });
  });
});
