import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import {
  begin,
  type Call,
  ESCAPED,
  event,
  HIDDEN,
  HOSTILE,
  job,
  json,
  start,
  startFakeServer,
} from "../../testing/cli.ts";
import { skip } from "../../testing/cluster.ts";
import { escapeHidden, styled, visible, visibleBytes, visibleJson } from "./visible.ts";

describe("untrusted text on a terminal", () => {
  it("has escapes in place of control and invisible characters", () => {
    assert.equal(escapeHidden(HOSTILE), ESCAPED);
    assert.equal(visible(HOSTILE), ESCAPED);
    assert.equal(visible("tab\tand\nlines, Zürich, 東京, 🚢 █░…"), "tab\tand\nlines, Zürich, 東京, 🚢 █░…");
    assert.equal(visible("\ud800"), "\\ud800");
  });

  it("keeps only colours that this process writes", () => {
    const shown = visible(`${styled("red", `FAILED ${HOSTILE}`)} \x1b[32mSUCCEEDED\x1b[39m`);
    assert.equal(shown, `\x1b[31mFAILED ${ESCAPED}\x1b[39m \\x1b[32mSUCCEEDED\\x1b[39m`);
  });

  it("is escaped whatever its characters, also in JSON, without changing the parsed value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        assert.doesNotMatch(visible(value), HIDDEN);
        assert.doesNotMatch(visibleJson({ value }), HIDDEN);
        assert.deepEqual(JSON.parse(visibleJson({ value, [value]: [value] }, 2)), { value, [value]: [value] });
      }),
    );
  });

  it("is escaped across the chunks of a result", async () => {
    const bytes = Buffer.from(`x\r\n${HOSTILE}\n`);
    for (const size of [1, 3, 1_000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      );
      const shown = await text(Readable.from(visibleBytes(Readable.from(pieces))));
      assert.equal(shown, `x\n${ESCAPED}\n`);
    }
  });

  it("reaches a terminal only through the modules that escape it", () => {
    const directory = fileURLToPath(new URL("..", import.meta.url));
    const writers = readdirSync(directory, { encoding: "utf8", recursive: true })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .filter((file) =>
        /process\.std(?:out|err)\.write\(|console\.\w+\(|\bstyleText\(/.test(
          readFileSync(join(directory, file), "utf8"),
        ),
      );
    assert.deepEqual(writers.sort(), ["lib/progress.ts", "lib/screen.ts", "lib/visible.ts"]);
  });
});

describe("the command line", () => {
  const failed = job("FAILED", {
    requestId: HOSTILE,
    tenant: HOSTILE,
    labels: { [HOSTILE]: HOSTILE },
    task: { type: "read", sql: HOSTILE },
    statusHistory: [{ status: HOSTILE, at: "2026-01-01T00:00:00.000Z" }],
    attempts: [
      {
        runner: HOSTILE,
        runId: HOSTILE,
        outcome: HOSTILE,
        logLocation: HOSTILE,
        startedAt: "2026-01-01T00:00:00.000Z",
      },
    ],
    error: {
      type: HOSTILE,
      category: "User",
      message: HOSTILE,
      retryable: false,
      details: [
        { line: 1, column: HOSTILE, value: HOSTILE, reason: HOSTILE },
        { field: HOSTILE, message: HOSTILE },
      ],
    },
  });
  const problem = {
    type: HOSTILE,
    title: HOSTILE,
    status: 400,
    detail: HOSTILE,
    problems: [{ field: HOSTILE, value: HOSTILE, message: HOSTILE }],
    furtherProblems: 7,
  };
  const respond = (call: Call): unknown => {
    const { requestLine, response } = call;
    if (requestLine.includes("/result")) return json(call, { ...problem, status: 409 }, 409);
    if (requestLine.includes("/events")) return begin(call).end(event(failed));
    if (requestLine.startsWith("POST"))
      return requestLine.includes("cancel") ? json(call, failed) : json(call, problem, 400);
    if (requestLine.startsWith("GET /jobs?")) return json(call, { jobs: [failed, job("FAILED")], cursor: HOSTILE });
    if (requestLine.startsWith("GET /jobs/")) return json(call, failed);
    if (requestLine.startsWith("GET /tokens"))
      return json(call, {
        tokens: [
          { id: HOSTILE, name: HOSTILE, tenant: HOSTILE, scopes: [HOSTILE], createdAt: HOSTILE, revokedAt: null },
        ],
      });
    if (requestLine.startsWith("GET /queries"))
      return json(call, {
        queries: [
          { name: HOSTILE, description: HOSTILE, params: [{ name: HOSTILE, type: HOSTILE, description: HOSTILE }] },
        ],
        statements: [],
      });
    return response.writeHead(502).end(HOSTILE);
  };
  let platform: Awaited<ReturnType<typeof startFakeServer>>;
  before(async () => {
    platform = await startFakeServer(respond);
  });
  after(() => platform.close());

  const COMMANDS = [
    ["show", "x"],
    ["list"],
    ["watch", "x"],
    ["tail", "x"],
    ["tail", "x", "--no-follow"],
    ["result", "x"],
    ["cancel", "x"],
    ["retry", "x"],
    ["submit", "--sql", "select 1"],
    ["query", "--sql", "select 1"],
    ["token", "list"],
    ["queries"],
    ["redrive"],
    ["top", "--once"],
    ["doctor"],
    [HOSTILE.replace("\r", "")],
    ["list", "--status", HOSTILE],
  ];
  for (const command of COMMANDS)
    for (const options of [[], ["--json"]])
      it(`escapes control characters: ${escapeHidden([...command, ...options].join(" ")).slice(0, 60)}`, async () => {
        const { stdout, stderr } = await start([...command, ...options], platform.env).ended;
        assert.ok(stdout + stderr !== "", "no output");
        assert.doesNotMatch(stdout, HIDDEN);
        assert.doesNotMatch(stderr, HIDDEN);
        if (options.length > 0 && stdout !== "") JSON.parse(stdout);
      });

  it("prints the number of unlisted problems", async () => {
    const { stderr } = await start(["submit", "--sql", "select 1"], platform.env).ended;
    assert.match(stderr, /… and 7 more/);
  });

  it("leaves a result's bytes unchanged in a pipe", async () => {
    const api = await startFakeServer(({ response }) => response.end(HOSTILE));
    try {
      assert.equal((await start(["result", "x"], api.env).ended).stdout, HOSTILE);
    } finally {
      api.close();
    }
  });

  it("shows a result and a job on a real terminal with escapes and its own colours", async function () {
    const version = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "";
    if (!version.includes("util-linux")) skip(this, "there is no script command of util-linux, which makes a terminal");
    this.timeout(60_000);
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const api = await startFakeServer((call) =>
      call.requestLine.includes("/result") ? call.response.end(HOSTILE) : respond(call),
    );
    const onTerminal = (command: string) => {
      const child = spawn("script", ["-qfec", `exec '${process.execPath}' '${main}' ${command}`, "/dev/null"], {
        env: { PATH: process.env.PATH, TERM: "xterm", ...api.env },
      });
      return text(child.stdout);
    };
    try {
      assert.ok((await onTerminal("result x")).includes(ESCAPED));
      const shown = await onTerminal("watch x");
      assert.ok(shown.includes("\x1b[31mFAILED\x1b[39m"), JSON.stringify(shown));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: codes that no command writes
      assert.doesNotMatch(shown, /\x1b\]|\x07|\x9b|b\x1b|\u202e/);
    } finally {
      api.close();
    }
  });
});
