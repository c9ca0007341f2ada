import assert from "node:assert/strict";
import { bar, blocks } from "./progress.ts";

describe("progress", () => {
  it("draws a bar with the rate and the time left", () => {
    assert.equal(
      bar(0.5, "5 rows", "1 kB/s", 3),
      `${"█".repeat(12)}${"░".repeat(12)}  50 %  5 rows  1 kB/s  3.0 s left`,
    );
    assert.match(bar(0, "0 B", "0 B/s", undefined), /^░{24} {3}0 % {2}0 B {2}0 B\/s$/);
    assert.match(bar(1.2, "", "", Number.POSITIVE_INFINITY), /^█{24} 100 %/);
  });

  it("shortens the bar in a narrow terminal, and omits it rather than truncate a number", () => {
    const all = (columns: number) => bar(0.5, "5 rows", "1 kB/s", 3, columns);
    for (const columns of [200, 50, 45, 40, 36]) assert(all(columns).length <= Math.max(columns, 36), all(columns));
    assert.match(all(45), /^█+░+ {2}50 %.* left$/);
    assert.match(all(30), /^50 %.* left$/);
  });

  it("draws a full or an empty bar for shares outside 0 to 1", () => {
    assert.deepEqual(
      [-1, 0, 0.5, 1, 7].map((share) => blocks(share, 4)),
      ["░░░░", "░░░░", "██░░", "████", "████"],
    );
  });
});
