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

describe("rates redrive", () => {
  it("puts back what is worth it, and says what is left and why", async () => {
    const answer = { redriven: { ReceivedTooOften: 3 }, kept: { UnreadableMessage: 1 } };
    const { stdout, stderr, bodies, calls } = await rates(answer, "redrive");
    assert.deepEqual([calls, bodies], [["POST /redrive"], [{}]]);
    assert.equal(stdout, "put back      3  ReceivedTooOften\nleft      1  UnreadableMessage\n");
    assert.match(stderr, /would fail again/);
  });

  it("takes classes, a limit and a dry run", async () => {
    const args = ["redrive", "--type", "A", "--type", "B", "--limit", "5", "--dry-run"];
    const { bodies, stdout, stderr } = await rates({ redriven: {}, kept: {} }, ...args);
    assert.deepEqual(bodies, [{ types: ["A", "B"], limit: 5, dryRun: true }]);
    assert.deepEqual([stdout, stderr], ["", "There are no dead letters.\n"]);
  });
});

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

  it("shows dead letters with their reasons, and what a redrive would put back", async () => {
    const letters = [
      {
        messageId: "m1",
        type: "UnreadableMessage",
        reason: "it is not JSON",
        redrivable: false,
        body: "{torn\u001b[2J",
        sentAt: "2026-01-01T00:00:00.000Z",
        receives: 3,
      },
      { messageId: "m2", type: "ReceivedTooOften", redrivable: true, body: "{}", receives: 5 },
    ];
    const double = await httpDouble((call) => json(call, { letters }));
    try {
      const { stdout, stderr, code } = await start(["dead-letters", "--type", "x"], double.env).ended;
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /2026-01-01T00:00:00 {2}UnreadableMessage \(would fail again\) {2}received 3 times {2}m1\n {2}it is not JSON\n/,
      );
      assert(!stdout.includes("\u001b"));
      assert.match(stderr, /would put 1 of these 2 back/);
      assert.deepEqual(double.calls, ["GET /dead-letters?type=x"]);
    } finally {
      double.close();
    }
  });
});
