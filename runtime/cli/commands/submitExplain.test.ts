import assert from "node:assert/strict";
import { type Call, httpDouble, json, start } from "../../testing/cli.ts";

/** The command, with what the API answers to every call; and the bodies that came. */
async function rates(answer: object, ...args: string[]) {
  const bodies: unknown[] = [];
  const api = await httpDouble((call: Call) => {
    if (call.body.length > 0) bodies.push(JSON.parse(call.body.toString()));
    return json(call, answer);
  });
  const ended = await start(args, api.env).ended;
  api.close();
  return { ...ended, bodies, calls: api.calls };
}

describe("rates submit --explain", () => {
  it("shows route, room, size and plan, and submits nothing", async () => {
    const plan = {
      "Node Type": "Aggregate",
      "Plan Rows": 1,
      "Total Cost": 9,
      Plans: [{ "Node Type": "Seq Scan", "Relation Name": "prices", "Plan Rows": 1000, "Total Cost": 8 }],
    };
    const room = { slots: 8, running: 2, waiting: 0, now: true };
    const answer = { route: "glue", room, estimatedRows: 1_000, estimatedBytes: 24_000, plan };
    const args = ["submit", "--sql", "select 1", "--explain"];
    const { stdout, stderr, calls } = await rates(answer, ...args);
    assert.deepEqual(calls, ["POST /explain"]);
    assert.deepEqual(stdout.split("\n"), [
      "route  Glue, 2 of 8 runs, 0 jobs waiting",
      "rows   about 1,000, 24,000 bytes",
      "Aggregate  (rows 1, cost 9)",
      "  Seq Scan prices  (rows 1000, cost 8)",
      "",
    ]);
    assert.match(stderr, /start at once/);
    assert.deepEqual(JSON.parse((await rates(answer, "--json", ...args)).stdout), answer);
  });
});
