import assert from "node:assert/strict";
import { count, duration } from "../format.js";
import { COUNTS, TIMES } from "./ticks.js";

describe("the ticks of a plot's axes", () => {
  const isAscending = (list: number[]) => list.every((value, index) => index === 0 || value > (list[index - 1] ?? 0));

  it("are labelled with one number and one unit at the first step", () => {
    for (const step of TIMES) assert.match(duration(step), /^\d+(\.\d)?\u00a0(ms|s|min|h|d)$/, `${step}`);
    assert.ok(isAscending(TIMES));
  });
  it("are whole numbers for counts, so that no two have the same label", () => {
    assert.equal(new Set(COUNTS.map(count)).size, COUNTS.length);
    assert.ok(COUNTS.every(Number.isInteger) && isAscending(COUNTS));
  });
});
