import assert from "node:assert/strict";
import { json, runAgainst, start, startFakeServer } from "../../testing/cli.ts";

const TIMES = { firstSeenAt: "2026-01-01T00:00:00.000Z", lastSeenAt: "2026-01-02T00:00:00.000Z" };
const cause = (type: string, count: number, redrivable: boolean, failsAgain = 0) => ({
  ...{ type, count, redrivable, failsAgain, receives: 3, furtherReasons: 0, ...TIMES },
  reasons: [{ reason: `because of ${type}`, count }],
});
const PREVIEW = {
  redriven: { ReceivedTooOften: 3 },
  kept: { UnreadableMessage: 1 },
  causes: [cause("ReceivedTooOften", 3, true, 2), cause("UnreadableMessage", 1, false, 1)],
  ...{ looked: 4, total: 9 },
};

describe("rates redrive", () => {
  it("shows by cause which dead letters would be redriven or fail again, and redrives with --yes", async () => {
    const { stdout, stderr, bodies, code } = await runAgainst(PREVIEW, "redrive", "--yes");
    assert.equal(code, 0, stderr);
    assert.deepEqual(bodies, [{ dryRun: true }, {}]);
    assert.match(stdout, /ReceivedTooOften +3 +yes +2 +2026-01-01 00:00:00 +2026-01-02 00:00:00 +3 +because/);
    assert.match(stderr, /3 dead letters would be redriven, 1 kept/);
    assert.match(stderr, /4 of about 9 were read/);
    assert.match(stderr, /3 ReceivedTooOften redriven/);
  });

  it("changes nothing in a pipe without --yes, and prints the numbers", async () => {
    const { stderr, bodies, code } = await runAgainst(PREVIEW, "redrive");
    assert.equal(code, 2);
    assert.deepEqual(bodies, [{ dryRun: true }]);
    assert.match(
      stderr,
      /returns 3 dead letters to the request queue; 2 of them would fail again\. Nothing was done\. Give --yes/,
    );
  });

  it("omits the number for a single dead letter that would fail again", async () => {
    const single = {
      redriven: { UnreadableMessage: 1 },
      kept: {},
      causes: [cause("UnreadableMessage", 1, true, 1)],
      ...{ looked: 1, total: 1 },
    };
    const { stderr } = await runAgainst(single, "redrive");
    assert.match(stderr, /This returns 1 dead letter to the request queue; it would fail again\. Nothing was done\./);
  });

  it("says of the letters of --id that they may fail again if the forecast counts more letters of their cause", async () => {
    const confirmation = async (count: number) => {
      const causes = [cause("UnreadableMessage", 5, true, 3)];
      const preview = { redriven: { UnreadableMessage: count }, kept: {}, causes, looked: 5, total: 5 };
      return (await runAgainst(preview, "redrive", "--id", "m1")).stderr;
    };
    assert.match(await confirmation(1), /returns 1 dead letter to the request queue; it may fail again\. Nothing/);
    assert.match(await confirmation(2), /; up to 2 of them would fail again\. Nothing/);
  });

  it("accepts error types, ids of dead letters, a limit and a dry run", async () => {
    const none = { redriven: {}, kept: {}, causes: [], looked: 0, total: 0 };
    const args = ["redrive", "--type", "A", "--type", "B", "--id", "m1", "--limit", "5", "--dry-run"];
    const { bodies, stdout, stderr } = await runAgainst(none, ...args);
    assert.deepEqual(bodies, [{ types: ["A", "B"], messageIds: ["m1"], limit: 5, dryRun: true }]);
    assert.deepEqual([stdout, stderr], ["", "No dead letters.\n"]);
  });
});

describe("rates dead-letters", () => {
  const letters = [
    {
      messageId: "m1",
      type: "UnreadableMessage",
      reason: "it is not JSON",
      redrivable: false,
      failsAgain: { outcome: "deadLetter", type: "UnreadableMessage", reason: "still not JSON" },
      body: "{torn\u001b[2J",
      sentAt: "2026-01-01T00:00:00.000Z",
      receives: 3,
    },
    { messageId: "m2", type: "ReceivedTooOften", redrivable: true, body: "{}", receives: 1 },
  ];

  it("shows dead letters by cause, then each with reason, receives and body, with control characters escaped", async () => {
    const response = { letters, causes: PREVIEW.causes, total: 9 };
    const { stdout, stderr, calls, code } = await runAgainst(response, "dead-letters", "--type", "x");
    assert.equal(code, 0, stderr);
    assert.deepEqual(calls, ["GET /dead-letters?type=x"]);
    assert.match(stdout, /m1 {2}UnreadableMessage {2}2026-01-01 00:00:00 {2}received 3 times\n {2}it is not JSON\n/);
    assert.match(stdout, /would fail again: UnreadableMessage: still not JSON/);
    assert(!stdout.includes("\u001b"));
    assert.match(stderr, /4 of about 9 dead letters/);
  });

  it("selects fields as JSON", async () => {
    const response = { letters, causes: PREVIEW.causes, total: 2 };
    const { stdout } = await runAgainst(response, "dead-letters", "--json", "id,receives");
    assert.deepEqual(JSON.parse(stdout), [
      { id: "m1", receives: 3 },
      { id: "m2", receives: 1 },
    ]);
  });
});

describe("rates rejected", () => {
  const ID = "3f9c2a1b04de".padEnd(32, "0");
  const entry = {
    ...{ rejectedId: ID, requestId: "bad", tenant: "acme", source: "http", copies: 2, type: "InvalidRequest" },
    ...{
      message: "The request is not valid",
      problem: "priority must be at most 9.",
      body: '{"priority":11}',
      ...TIMES,
    },
  };
  const page = {
    ...{ rejected: [entry], total: 1, isMore: false },
    causes: [{ type: "InvalidRequest", count: 1, copies: 2, ...TIMES }],
  };

  it("lists requests by cause, then each with reason and time", async () => {
    const { stdout, calls } = await runAgainst(page, "rejected", "list", "--type", "invalidrequest", "--text", "x");
    assert.equal(calls[0], "GET /rejected?limit=20&type=InvalidRequest&text=x");
    assert.match(stdout, /InvalidRequest +1 +2 +2026-01-01 00:00:00 +2026-01-02 00:00:00/);
    assert.match(stdout, /3f9c2a1b04de +2026-01-02 00:00:00 +InvalidRequest +priority must be at most 9\. +bad +2/);
  });

  it("shows a request by a prefix of its id, with reason, problems and body", async () => {
    const document = {
      ...{ ...entry, createdAt: TIMES.firstSeenAt, lastSeenAt: TIMES.lastSeenAt },
      error: {
        type: "InvalidRequest",
        message: "1 problem",
        details: [{ field: "priority", message: "must be at most 9." }],
      },
    };
    const api = await startFakeServer((call) => json(call, call.requestLine.includes(ID) ? document : page));
    try {
      const { stdout, code } = await start(["rejected", "show", "3F9C"], api.env).ended;
      assert.equal(code, 0);
      assert.match(stdout, /first 2026-01-01 00:00:00 UTC, last 2026-01-02 00:00:00 UTC, 2 copies\n/);
      assert.match(stdout, /InvalidRequest: 1 problem\n {2}priority must be at most 9\.\n\n\{"priority":11\}/);
      const wrong = await start(["rejected", "show", "nightly"], api.env).ended;
      assert.deepEqual([wrong.code, /digits 0 to 9 and a to f/.test(wrong.stderr)], [2, true]);
    } finally {
      api.close();
    }
  });
});
