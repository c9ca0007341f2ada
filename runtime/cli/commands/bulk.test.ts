import assert from "node:assert/strict";
import { type Call, job, json, start, startFakeServer } from "../../testing/cli.ts";
import { EXITS } from "../lib/exits.ts";

const COUNTS = { matched: 3, eligible: 2, byStatus: { FAILED: 3 }, byErrorType: { InvalidRows: 1, RunnerLost: 2 } };
const NO_CHANGES = { done: 0, unchanged: 0, jobs: [], failed: [] };

describe("rates cancel and rates retry with a filter", () => {
  let bodies: Record<string, unknown>[];
  let counts = COUNTS;
  /** Runs the command. The API responds to a dry run with the counts, and changes the jobs in two batches. */
  async function rates(...args: string[]) {
    bodies = [];
    const api = await startFakeServer((call: Call) => {
      if (call.body.length === 0) return json(call, {});
      const body = JSON.parse(call.body.toString());
      bodies.push(body);
      if (body.dryRun) return json(call, { ...counts, ...NO_CHANGES });
      const failed = [{ requestId: "b", type: "Forbidden", message: "This token lacks the scope 'update'." }];
      if (body.cursor) return json(call, { ...COUNTS, ...NO_CHANGES, failed });
      return json(call, {
        ...COUNTS,
        ...NO_CHANGES,
        done: 1,
        jobs: [{ requestId: "a", status: "PENDING" }],
        cursor: "next",
      });
    });
    try {
      return { ...(await start(args, api.env).ended), calls: api.calls };
    } finally {
      api.close();
    }
  }

  it("shows the counts and failures, and changes the jobs of all batches with --yes", async () => {
    const { code, stderr, calls } = await rates("retry", "--status", "failed", "--label", "a=b", "--yes");
    assert.equal(code, EXITS.failed.code, stderr);
    assert.deepEqual(new Set(calls), new Set(["POST /bulk/retry"]));
    const filter = { status: "FAILED", label: "a=b" };
    assert.deepEqual(bodies, [{ filter, dryRun: true }, { filter }, { filter, cursor: "next" }]);
    assert.match(stderr, /1 job would fail again and is skipped \(--include-final/);
    assert.match(stderr, /1 job submitted again, 1 failed:\n {2}b: Forbidden: This token lacks/);
    assert.equal((await rates("cancel", "--all", "--yes")).code, EXITS.failed.code);
  });

  it("requires --yes in a pipe and shows the number of jobs, and changes nothing in a dry run", async () => {
    const refused = await rates("cancel", "--all");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /This cancels 2 jobs \(3 FAILED match\)\. Nothing was done\. Give --yes/);
    assert.equal(bodies.length, 1);
    const dry = await rates("cancel", "--text", "x", "--dry-run");
    assert.deepEqual([dry.code, bodies.length], [0, 1]);
    assert.match(dry.stderr, /Dry run: 2 jobs would be cancelled \(3 FAILED match\)/);
  });

  it("prints an empty outcome as JSON if no job matches or can be changed", async () => {
    for (const matched of [0, 3]) {
      counts = { ...COUNTS, matched, eligible: 0 };
      const { code, stdout } = await rates("cancel", "--all", "--json");
      assert.deepEqual([code, JSON.parse(stdout)], [0, NO_CHANGES]);
    }
    counts = COUNTS;
  });

  it("reports missing or contradictory options before it sends a request", async () => {
    for (const [args, message] of [
      [["cancel"], /Name a job by its ID, or jobs by a filter/],
      [["retry", "--text", ""], /--text is empty\. Give a value, or leave it out/],
      [["cancel", "--label", " "], /--label is empty/],
      [["cancel", "a", "--status", "pending"], /'a' is the ID of a job\. Give either an ID, or a filter/],
      [["retry", "--all", "--watch"], /require an ID instead of a filter/],
      [["cancel", "--since", "2026-01-02", "--to", "2026-01-01"], /must be later than --since/],
      [["cancel", "--status", "failed"], /Allowed choices are PENDING, IN_PROGRESS/],
    ] as const) {
      const { code, stderr, calls } = await rates(...args);
      assert.deepEqual([code, calls], [2, []], stderr);
      assert.match(stderr, message);
    }
  });
});

describe("--json FIELDS", () => {
  const waiting = { reason: "slots", sentence: "Waiting" };
  const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  async function rates(...args: string[]) {
    const api = await startFakeServer((call: Call) =>
      call.requestLine.includes("/waiting")
        ? json(call, { waiting })
        : json(
            call,
            call.requestLine.includes("/jobs?")
              ? { jobs: [job("PENDING")] }
              : { ...job("PENDING"), ...(call.requestLine.includes("traced") ? { traceparent: TRACE } : {}) },
          ),
    );
    try {
      return { ...(await start(args, api.env).ended), calls: api.calls };
    } finally {
      api.close();
    }
  }

  it("selects fields in the given order, including the reason for waiting", async () => {
    assert.deepEqual(JSON.parse((await rates("list", "--json", "id,state,waiting")).stdout), [
      { id: "a", state: "PENDING", waiting },
    ]);
    assert.deepEqual(JSON.parse((await rates("show", "a", "--json=state,id")).stdout), { state: "PENDING", id: "a" });
  });

  it("prints a job's trace id, if it has one, in the text of `rates show`", async () => {
    const { stdout } = await rates("show", "traced");
    assert.match(stdout, /\n {2}trace 4bf92f3577b34da6a3ce929d0e0e4736\n/);
    assert.doesNotMatch((await rates("show", "a")).stdout, /trace /);
  });

  it("prints all fields if none are named", async () => {
    for (const args of [
      ["show", "--json", "a"],
      ["--json", "show", "a"],
      ["show", "a", "--json"],
    ])
      assert.equal(JSON.parse((await rates(...args)).stdout).requestId, "a", args.join(" "));
    const { stdout } = await rates("--json", "list");
    assert.equal(JSON.parse(stdout).jobs[0].requestId, "a", "the command is not a field");
  });

  it("lists the fields without an argument and without a request", async () => {
    for (const [args, first] of [
      [["show", "--json", "help"], /^id\nstate\n/],
      [["--json=help", "show"], /^id\nstate\n/],
      [["list", "--json", "help"], /^id\nstate\n/],
      [["rejected", "show", "--json=help"], /^id\nrequestId\n/],
      [["top", "--json", "help"], /^at\nbottleneck\n/],
    ] as const) {
      const { code, stdout, stderr, calls } = await rates(...args);
      assert.deepEqual([code, stderr, calls], [0, "", []], args.join(" "));
      assert.match(stdout, first, args.join(" "));
    }
  });

  it("reports an unknown field before sending a request", async () => {
    for (const [args, message] of [
      [["list", "--json", "id,sate"], /'sate' is not a field\. Did you mean 'state'\? Fields: id, state/],
      [["list", "--json", "id,,state"], /a field's name is empty\. Fields: id, state/],
      [["list", "--json="], /a field's name is empty/],
      [["list", "--json", "stat"], /'stat' is not a field/],
      ...[["whoami"], ["doctor"], ["capacity"], ["env"], ["view", "list"], ["profile", "list"]].map(
        (words) => [[...words, "--json=name"], /this command does not support FIELDS/] as const,
      ),
    ] as const) {
      const { code, stderr, calls } = await rates(...args);
      assert.deepEqual([code, calls], [2, []], stderr);
      assert.match(stderr, message);
    }
  });
});
