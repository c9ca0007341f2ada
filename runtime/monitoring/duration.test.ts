import assert from "node:assert/strict";
import { formatDuration } from "./duration.ts";

describe("formatDuration", () => {
  it("rounds to seconds below 2 min, to minutes below 2 h, then to hours", () => {
    assert.deepEqual([0, 0.6, 119.4, 119.5, 7_199, 7_200, 100_000].map(formatDuration), [
      "0 s",
      "1 s",
      "119 s",
      "2 min",
      "120 min",
      "2 h",
      "28 h",
    ]);
  });

  it("formats a negative duration as 0 s", () => {
    assert.equal(formatDuration(-3), "0 s");
  });
});
