import assert from "node:assert/strict";
import { bar, bytesText, durationText, table } from "./screen.ts";

describe("what the command line shows", () => {
  it("fits a table into the terminal, the widest cells giving way first", () => {
    const rows = [
      ["SUCCEEDED", "a".repeat(60), "x".repeat(200)],
      ["FAILED", "short", "line\nbreak"],
    ];
    for (const room of [60, 80, 120]) {
      const lines = table(["STATUS", "ID", "WHAT"], rows, room).split("\n");
      assert.equal(lines.length, 3);
      for (const line of lines) assert(line.length <= room, `${line.length} > ${room}: ${line}`);
      assert(lines[1]?.startsWith("SUCCEEDED  aaaa"));
      assert.match(lines[1] ?? "", /…$/);
    }
    assert.match(table(["STATUS", "ID", "WHAT"], rows, Number.POSITIVE_INFINITY), /x{200}/);
    assert.match(table(["STATUS", "ID", "WHAT"], rows, 1), /^STATUS/, "and does not give up where nothing fits");
  });

  it("says sizes and times as people do", () => {
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

  it("draws a bar with the rate and the time left", () => {
    assert.equal(
      bar(0.5, "5 rows", "1 kB/s", 3),
      `${"█".repeat(12)}${"░".repeat(12)}  50 %  5 rows  1 kB/s  3.0 s left`,
    );
    assert.match(bar(0, "0 B", "0 B/s", undefined), /^░{24} {3}0 % {2}0 B {2}0 B\/s$/);
    assert.match(bar(1.2, "", "", Number.POSITIVE_INFINITY), /^█{24} 100 %/);
  });
});
