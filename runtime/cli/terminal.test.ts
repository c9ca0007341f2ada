import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { begin, type Call, event, job, json, LAUNCHER, start, startFakeServer } from "../testing/cli.ts";
import { inTerminal, type Step } from "../testing/terminal.ts";

const COUNTS = { matched: 3, eligible: 2, byStatus: { FAILED: 3 }, byErrorType: {}, unchanged: 0, failed: [] };
const LONG = "x".repeat(70);
const JOBS = Array.from({ length: 3 }, (_, index) =>
  job("FAILED", { requestId: `nightly-load-of-carrier-7.${index}`, task: { type: "read", sql: `select '${LONG}'` } }),
);
const PREVIEW = { columns: ["day", "port", "note"], rows: [["2026-01-01", "Rotterdam 港口", LONG]], more: false };

describe("the command line in a terminal", function () {
  this.timeout(60_000);
  let home = "";
  let api: Awaited<ReturnType<typeof startFakeServer>>;
  let bodies: Record<string, unknown>[] = [];
  before(async () => {
    home = mkdtempSync(join(tmpdir(), "rates-terminal-"));
    api = await startFakeServer((call: Call) => {
      const body = call.body.length === 0 ? {} : JSON.parse(call.body.toString());
      if (call.requestLine.startsWith("POST")) bodies.push(body);
      if (call.requestLine.startsWith("POST /bulk"))
        return json(call, { ...COUNTS, done: body.dryRun ? 0 : 2, jobs: [] });
      if (call.requestLine.startsWith("POST /explain")) return json(call, { estimatedRows: 12_345 });
      if (call.requestLine.startsWith("POST /jobs"))
        return json(call, { requestId: "a", tenant: "acme", status: "PENDING" });
      if (call.requestLine.startsWith("GET /jobs?")) return json(call, { jobs: JOBS });
      if (call.requestLine.includes("/preview")) return json(call, PREVIEW);
      if (call.requestLine.startsWith("GET /jobs/held/events"))
        return begin(call).write(event(job("IN_PROGRESS", { requestId: "held" })));
      if (call.requestLine.includes("/events"))
        return begin(call).end(event(job("SUCCEEDED", { result: { rows: 1 } })));
      if (call.requestLine.startsWith("GET /queries"))
        return json(call, {
          queries: [],
          statements: [{ name: "purge_prices", params: [{ name: "before", type: "date" }] }],
        });
      return json(call, job("SUCCEEDED", { result: { rows: 1 } }));
    });
  });
  after(() => {
    api.close();
    rmSync(home, { recursive: true });
  });
  beforeEach(() => {
    bodies = [];
  });

  async function rates(
    args: readonly string[],
    { steps = [], columns = 90 }: { steps?: Step[]; columns?: number } = {},
  ) {
    const { output, code } = await inTerminal({
      argv: [process.execPath, LAUNCHER, ...args],
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, TERM: "xterm", ...api.env },
      steps,
      columns,
    });
    return { code, output, text: stripVTControlCharacters(output) };
  }
  const QUESTION = "Continue\\? \\[y/N\\] ";
  const answering = (send: string): { steps: Step[] } => ({ steps: [{ expect: QUESTION, send }] });

  it("asks for confirmation with the number of jobs before it cancels them, and accepts only y and yes", async () => {
    for (const answer of ["y\r", "YES\r"]) {
      bodies = [];
      const { code, text } = await rates(["cancel", "--all"], answering(answer));
      assert.equal(code, 0, text);
      assert.match(text, /This cancels 2 jobs \(3 FAILED match\)\. Continue\? \[y\/N\]/);
      assert.match(text, /2 jobs cancelled\./);
      assert.deepEqual(bodies, [{ filter: {}, dryRun: true }, { filter: {} }]);
    }
    // No, Enter, another word, Ctrl-C, Ctrl-D.
    for (const answer of ["n\r", "\r", "yep\r", "\x03", "\x04"]) {
      bodies = [];
      const { code, text } = await rates(["cancel", "--all"], answering(answer));
      assert.deepEqual([code, bodies.length], [130, 1], `${JSON.stringify(answer)}\n${text}`);
      assert.match(text, /Nothing was done\./);
    }
  });

  it("asks for confirmation with the estimated number of prices before it deletes them", async () => {
    const purge = ["submit", "--statement", "purge_prices", "--param", "before=2020-01-01"];
    const no = await rates(purge, answering("n\r"));
    assert.match(no.text, /This deletes about 12,345 prices of the days before 2020-01-01\. Continue\? \[y\/N\]/);
    assert.deepEqual([no.code, bodies.length], [130, 1], "only the estimate was requested");
    const yes = await rates(purge, answering("y\r"));
    assert.equal(yes.code, 0, yes.text);
    assert.deepEqual((bodies.at(-1) as { task: object }).task, {
      type: "update",
      statement: "purge_prices",
      params: { before: "2020-01-01" },
    });
  });

  it("fits tables and results into narrow terminals", async () => {
    for (const columns of [60, 24])
      for (const args of [["list"], ["result", "a"]]) {
        const { code, text } = await rates(args, { columns });
        assert.equal(code, 0, text);
        // Commands that people copy are never truncated.
        const lines = text.split(/\r*\n|\r/).filter((line) => !/`rates /.test(line));
        for (const line of lines) assert(stringWidth(line) <= columns, `${columns}: ${line}\n${text}`);
      }
    const wide = await rates(["query", "--sql", "select 1"], { columns: 120 });
    assert.match(wide.text, /day +port +note\r\n2026-01-01 +Rotterdam 港口 +x+/);
    const narrow = await rates(["query", "--sql", "select 1"], { columns: 40 });
    assert.match(narrow.text, /─\[ 1 \]─+\r\nday +2026-01-01\r\nport +Rotterdam 港口/);
  });

  it("prints complete documents for --json without fields, and lists the fields only on a terminal", async () => {
    const { code, output } = await rates(["list", "--json"]);
    assert.equal(code, 0, output);
    assert.match(output, /"requestId":\s*"nightly-load-of-carrier-7\.0"/);
    assert.match(output, /`--json FIELDS` selects fields \(comma-separated\):\r\n {2}id, state, /);
    const piped = await start(["list", "--json"], api.env).ended;
    assert.deepEqual([JSON.parse(piped.stdout), piped.stderr], [{ jobs: JSON.parse(JSON.stringify(JOBS)) }, ""]);
    const unknown = await rates(["list", "--json", "nonsense"]);
    assert.deepEqual([unknown.code, /'nonsense' is not a field\..* Fields: id, state/s.test(unknown.text)], [2, true]);
  });

  it("stops watching on Ctrl-C, prints how to resume, and leaves a clean line", async () => {
    const { code, output } = await rates(["watch", "held"], { steps: [{ expect: "IN_PROGRESS", send: "\x03" }] });
    assert.equal(code, 130, output);
    const [before, message] = output.split("Stopped waiting for held; the job keeps running. `rates watch held`");
    assert(message !== undefined, output);
    // The progress line was erased, including the echo of the key.
    assert(before?.endsWith("\r\x1b[2K"), JSON.stringify(before));
  });
});
