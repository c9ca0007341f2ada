import assert from "node:assert/strict";
import { bytesText, durationText } from "./screen.ts";

describe("number formatting", () => {
  it("shows sizes and durations with readable units", () => {
    assert.deepEqual([0, 999, 1_500, 2e9].map(bytesText), ["0 B", "999 B", "1.5 kB", "2.0 GB"]);
    assert.deepEqual([0, 820, 4_200, 59_990, 200_000, 7_500_000].map(durationText), [
      "0 ms",
      "820 ms",
      "4.2 s",
      "1 min 0 s",
      "3 min 20 s",
      "2 h 5 min",
    ]);
  });
});
