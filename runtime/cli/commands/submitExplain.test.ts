import assert from "node:assert/strict";
import { runAgainst } from "../../testing/cli.ts";

describe("rates submit --explain", () => {
  it("shows route, busy runs, size and plan, and submits nothing", async () => {
    const plan = {
      "Node Type": "Aggregate",
      "Plan Rows": 1,
      "Total Cost": 9,
      Plans: [{ "Node Type": "Seq Scan", "Relation Name": "prices", "Plan Rows": 1000, "Total Cost": 8 }],
    };
    const room = { slots: 8, running: 2, waiting: 0, now: true };
    const response = { route: "glue", room, estimatedRows: 1_000, estimatedBytes: 24_000, plan };
    const args = ["submit", "--sql", "select 1", "--explain"];
    const { stdout, stderr, calls } = await runAgainst(response, ...args);
    assert.deepEqual(calls, ["POST /explain"]);
    assert.deepEqual(stdout.split("\n"), [
      "route  Glue, 2 of 8 runs, 0 jobs waiting",
      "rows   about 1,000, 24,000 bytes",
      "Aggregate  (rows 1, cost 9)",
      "  Seq Scan prices  (rows 1000, cost 8)",
      "",
    ]);
    assert.match(stderr, /start immediately/);
    assert.deepEqual(JSON.parse((await runAgainst(response, "--json", ...args)).stdout), response);
  });
});
