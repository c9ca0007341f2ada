import assert from "node:assert/strict";
import { headlineOf } from "./headline.js";
import { dataOf } from "./plot.js";
import { rangeProblem } from "./rangeProblem.js";
import { throughputOf } from "./tiles.js";

describe("the overview's charts and figures", () => {
  it("stack bars as sums and draw smaller sums over larger ones, and leave lines unchanged", () => {
    const series = [{ values: [1, 2] }, { values: [3, null] }, { values: [9, 9], line: true }];
    assert.deepEqual(dataOf([10, 20], series, true), [
      [10, 20],
      [9, 9],
      [4, 2],
      [1, 2],
    ]);
    assert.deepEqual(dataOf([10, 20], series, false), [
      [10, 20],
      [1, 2],
      [3, null],
      [9, 9],
    ]);
  });

  it("show the throughput per minute of the last complete steps", () => {
    const times = { p50: null, p95: null };
    const steps = [100, 1, 2, 3, 4, 5, 70].map((succeeded) => ({
      at: "",
      accepted: 0,
      succeeded,
      failed: 1,
      cancelled: 1,
      queueMs: times,
      runMs: times,
    }));
    assert.equal(throughputOf({ steps, stepSeconds: 60 }), (15 + 10) / 5);
    assert.equal(throughputOf({ steps, stepSeconds: 1_800 }), (15 + 10) / 150);
    assert.equal(throughputOf({ steps: steps.slice(0, 1), stepSeconds: 60 }), 0);
  });

  it('say "All clear" only if no job waits, none failed, and the dead-letter queue is known to be empty', () => {
    const wordOf = (change: {
      level?: string;
      name?: string;
      failed?: number;
      category?: string;
      deadLetters?: number | null;
    }) => {
      const { level = "clear", name = "nothing", failed = 0, category = "User", deadLetters = 0 } = change;
      const errors = failed > 0 ? [{ type: "x", category, count: failed, last: "" }] : [];
      const ended = { succeeded: 100, failed, cancelled: 0 };
      const figures = {
        bottleneck: { level, name, sentence: "" },
        activity: { ended, errors },
        queues: deadLetters === null ? {} : { deadLetters },
      };
      return headlineOf(figures as unknown as Parameters<typeof headlineOf>[0]).word;
    };
    assert.equal(wordOf({}), "All clear");
    assert.equal(wordOf({ failed: 1 }), "No bottleneck");
    assert.equal(wordOf({ deadLetters: null }), "No bottleneck", "SQS does not respond");
    assert.equal(wordOf({ failed: 20 }), "Attention");
    assert.equal(wordOf({ failed: 1, category: "System" }), "Attention");
    assert.equal(wordOf({ deadLetters: 3 }), "Attention");
    assert.equal(wordOf({ level: "busy", name: "search" }), "Note");
    assert.equal(wordOf({ level: "busy", name: "search", deadLetters: 1 }), "Attention");
    assert.equal(wordOf({ level: "busy", name: "capacity", deadLetters: 1 }), "Busy");
    assert.equal(wordOf({ level: "stuck", name: "starts", failed: 90 }), "Stuck");
  });

  it("refuse a range that the API would refuse, with the invalid field", () => {
    const at = Date.parse("2026-01-01T00:00:00Z");
    const day = 86_400_000;
    assert.equal(rangeProblem(at, at + 7 * day), undefined);
    assert.equal(rangeProblem(at, at)?.field, "to");
    assert.equal(rangeProblem(at, at + 7 * day + 1)?.field, "from");
    assert.equal(rangeProblem(Number.NaN, at)?.field, "from");
    assert.equal(rangeProblem(at, Number.NaN)?.field, "to");
  });
});
