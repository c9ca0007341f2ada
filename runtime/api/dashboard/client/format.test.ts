import assert from "node:assert/strict";
import * as format from "./format.js";

const { ago, count, counted, shareDone, taskName } = format;
/** Replaces non-breaking spaces. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");
const duration = (ms: number | null) => plain(format.duration(ms));
const bytes = (value: number) => plain(format.bytes(value));
const percent = (part: number, whole: number) => plain(format.percent(part, whole));

describe("the formats of the dashboard", () => {
  it("show a duration in at most two units", () => {
    const cases = { 0: "0 ms", 999: "999 ms", 1234: "1.2 s", 59400: "59 s", 60000: "1 min", 185000: "3 min 5 s" };
    for (const [ms, text] of Object.entries(cases)) assert.equal(duration(Number(ms)), text);
    assert.equal(duration(7_440_000), "2 h 4 min");
    assert.equal(duration(90_000_000), "1 d 1 h");
    assert.equal(duration(null), "–");
    assert.equal(duration(999.7), "1.0 s");
    assert.equal(duration(-5_000), "0 ms");
  });
  it("show sizes with units, and signs for unknown and small values", () => {
    assert.deepEqual([0, 812, 1_000, 1_449, 23_400_000, 999_600].map(bytes), [
      "0 B",
      "812 B",
      "1.0 kB",
      "1.4 kB",
      "23 MB",
      "1.0 MB",
    ]);
    assert.deepEqual([count(12_345), count(null)], ["12,345", "–"]);
    assert.deepEqual(
      [0, 1, 2].map((value) => counted(value, "row")),
      ["0 rows", "1 row", "2 rows"],
    );
    assert.deepEqual([percent(1, 1_000), percent(0, 9), percent(1, 3), percent(0, 0)], ["< 1 %", "0 %", "33 %", "–"]);
  });
  it("show the estimated cost of a job with two significant digits", () => {
    const texts = [0, 0.000234, 0.0051, 1.26, 1_234].map((amount) => format.cost(amount).replace("\u00a0", " "));
    assert.deepEqual(texts, ["0 USD", "0.00023 USD", "0.0051 USD", "1.3 USD", "1,200 USD"]);
  });
  it("show an age in one unit", () => {
    const at = (seconds: number) => ago(new Date(1_000_000_000_000 - seconds * 1_000).toISOString(), 1_000_000_000_000);
    assert.deepEqual([0, 40, 200, 7_300, 200_000].map(at), ["now", "40 s ago", "3 min ago", "2 h ago", "2 d ago"]);
  });
  it("name a task by its query, target or SQL, and limit progress to 1", () => {
    assert.equal(taskName({ type: "read", query: "average_rates" }), "average_rates");
    assert.equal(
      taskName({ type: "update", target: "prices", mode: "replace", dryRun: true }),
      "check prices (replace)",
    );
    assert.equal(taskName({ type: "read", sql: "select\n  1" }), "select 1");
    assert.equal(shareDone({ rows: 5, bytes: 0, estimatedRows: 10 }), 0.5);
    assert.equal(shareDone({ rows: 50, bytes: 0, estimatedRows: 10 }), 1);
    assert.equal(shareDone({ rows: 5, bytes: 0 }), undefined);
  });
});
