import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { type Call, json, start, startFakeServer } from "../../testing/cli.ts";
import { skip } from "../../testing/cluster.ts";
import type { JobDocument } from "../lib/events.ts";
import { LiveScreen, type Terminal } from "../lib/liveScreen.ts";
import { type Snapshot, throughput } from "../lib/topSnapshot.ts";
import { snapshotLine, snapshotLines } from "../lib/topView.ts";

const AT = Date.parse("2026-01-01T12:00:00.000Z");
const ago = (seconds: number) => new Date(AT - seconds * 1000).toISOString();
const job = (requestId: string, more: Partial<JobDocument> = {}): JobDocument => ({
  requestId,
  tenant: "acme",
  requestHash: "hash",
  responseId: `acme/${requestId}`,
  status: "SUCCEEDED",
  priority: 4,
  runner: "glue",
  timeoutSeconds: 60,
  createdAt: ago(100),
  task: { type: "read", query: "average_rates" },
  labels: {},
  progress: { rows: 1_234, bytes: 5_000_000 },
  attempts: [{ runner: "glue", runId: "r", startedAt: ago(60) }],
  statusHistory: [],
  ...more,
});
const percentiles = { p50: 1_000, p95: 9_000 };
const SNAPSHOT: Snapshot = {
  at: new Date(AT).toISOString(),
  byStatus: { PENDING: 1_500, IN_PROGRESS: 8, SUCCEEDED: 12_000, FAILED: 3 },
  percentiles: { queueMs: percentiles, executionMs: percentiles },
  capacity: { glue: { running: 8, working: 8, slots: 8 }, ec2: { running: 1, working: 1, slots: 4 } },
  bottleneck: { sentence: "All 8 Glue runs are taken." },
  oldest: job("oldest", { status: "PENDING", createdAt: ago(90) }),
  running: Array.from({ length: 8 }, (_, index) =>
    job(`running-${index}`, { status: "IN_PROGRESS", startedAt: ago(60) }),
  ),
  slowest: Array.from({ length: 5 }, (_, index) =>
    job(`slow-東京-${index}`, { status: index ? "SUCCEEDED" : "FAILED" }),
  ),
  ended: { jobs: 30, failed: 2, milliseconds: 5 * 60_000 },
};
const lines = (columns: number, rows: number, snapshot = SNAPSHOT) =>
  snapshotLines(snapshot, { columns, lines: rows, stream: process.stdout }).map(stripVTControlCharacters);

describe("the view of rates top", () => {
  it("fits a terminal that has room for the summary, and shows running jobs before slow ones", () => {
    for (const [columns, rows] of [
      [40, 10],
      [60, 15],
      [80, 24],
      [140, 60],
    ] as const) {
      const shown = lines(columns, rows);
      assert(shown.length <= rows, `${shown.length} lines of ${rows}`);
      for (const line of shown) assert(stringWidth(line) <= columns, `${columns}: ${line}`);
    }
    assert.equal(lines(140, 60).filter((line) => line.startsWith("running-")).length, 8);
    assert.equal(lines(140, 60).filter((line) => line.startsWith("slow-")).length, 5);
    assert(!lines(80, 16).some((line) => line.startsWith("slow-")));
    assert.equal(lines(80, 3).length, 7, "the summary is never omitted");
  });

  it("shows waiting jobs and times, full runner types, and the number of jobs that ended per minute", () => {
    const [bottleneck, states, glue, ec2, oldest, ended, times] = lines(140, 24);
    assert.equal(bottleneck, "All 8 Glue runs are taken.");
    assert.match(states ?? "", /1,500 PENDING {2}8 IN_PROGRESS {2}12,000 SUCCEEDED {2}3 FAILED$/);
    assert.match(glue ?? "", /^Glue +█{16} 8 of 8 busy, full$/);
    assert.match(ec2 ?? "", /^EC2 +█{4}░{12} 1 of 4 busy$/);
    assert.match(oldest ?? "", /oldest has waited 1 min 30 s, the longest of 1,500: average_rates/);
    const waiting = { sentence: "Waiting for a Glue run: 8 of 8 busy, next in line, waited 90 s" };
    assert(
      lines(140, 24, { ...SNAPSHOT, waiting }).some((line) =>
        /^Oldest +oldest: Waiting for a Glue run: 8 of 8 busy/.test(line),
      ),
    );
    const remedy = "To run more jobs at once, raise runners.glue.maxRuns.";
    const helped = lines(140, 24, { ...SNAPSHOT, waiting: { ...waiting, remedy } });
    assert.equal(helped[helped.findIndex((line) => line.startsWith("Oldest")) + 1], `         ${remedy}`);
    assert.match(ended ?? "", /6\.0 per minute \(2 failed\)$/);
    assert.match(times ?? "", /waited 1\.0 s \(p95 9\.0 s\), ran 1\.0 s \(p95 9\.0 s\)$/);
  });

  it("shows zeros for an idle platform", () => {
    const none = { p50: null, p95: null };
    const idle: Snapshot = {
      ...SNAPSHOT,
      byStatus: {},
      percentiles: { queueMs: none, executionMs: none },
      capacity: { glue: { running: 0, working: 0, slots: 0 }, ec2: { running: 3, working: 0, slots: 4 } },
      oldest: undefined,
      running: [],
      slowest: [],
      ended: { jobs: 0, failed: 0, milliseconds: 60_000 },
    };
    assert.deepEqual(lines(80, 24, idle).slice(2), [
      "Glue     ░░░░░░░░░░░░░░░░ 0 of 0 busy",
      "EC2      ░░░░░░░░░░░░░░░░ 0 of 4 busy, 3 warm or starting",
      "Oldest   nothing waits",
      "Ended    0 per minute",
    ]);
    assert.equal(
      snapshotLine(idle),
      "2026-01-01T12:00:00  waiting 0  running 0  glue 0/0  ec2 0/4  oldest none  0/min  All 8 Glue runs are taken.",
    );
  });

  it("ends a line in a pipe with the bottleneck or, for users who may not see it, the reason why the oldest job waits", () => {
    const waiting = { sentence: "Waiting for a Glue run: 8 of 8 busy" };
    assert.match(snapshotLine({ ...SNAPSHOT, waiting }), /6\.0\/min {2}All 8 Glue runs are taken\.$/);
    const { bottleneck: _, ...withoutBottleneck } = SNAPSHOT;
    assert.match(snapshotLine({ ...withoutBottleneck, waiting }), /6\.0\/min {2}Waiting for a Glue run: 8 of 8 busy$/);
    const remedy = "To run more jobs at once, raise runners.glue.maxRuns.";
    assert.match(
      snapshotLine({ ...withoutBottleneck, waiting: { ...waiting, remedy } }),
      /busy\. To run more jobs at once, raise .*$/,
    );
    assert.match(snapshotLine(withoutBottleneck), /6\.0\/min$/);
  });

  it("counts jobs that ended in the last minutes, or in a shorter period if the API returns only part of them", () => {
    const ended = (count: number, every: number) =>
      Array.from({ length: count }, (_, index) => job(`j${index}`, { finishedAt: ago(index * every) }));
    assert.deepEqual(throughput(ended(100, 10), AT), { jobs: 30, failed: 0, milliseconds: 300_000 });
    const busy = throughput(ended(200, 0.1), AT);
    assert.deepEqual([busy.jobs, busy.milliseconds], [200, 19_900]);
    assert.equal(throughput([], AT).jobs, 0);
  });
});

describe("the screen of rates top", () => {
  const terminal = () => {
    const written: string[] = [];
    const modes: boolean[] = [];
    const keys = Object.assign(new EventEmitter(), {
      isTTY: true,
      setRawMode: (mode: boolean) => modes.push(mode),
      resume() {},
      pause() {},
      unref() {},
    });
    const out = { isTTY: true, columns: 20, rows: 3, write: (text: string) => written.push(text) };
    return { written, modes, keys, terminal: { out, keys } as unknown as Terminal };
  };

  it("draws in place within the terminal's height, and restores the terminal", () => {
    const { written, modes, terminal: device } = terminal();
    const screen = new LiveScreen(device, () => undefined);
    screen.open();
    screen.draw(["one", "two", "three", "four"]);
    screen.close();
    screen.close();
    assert.deepEqual(written, [
      "\u001b[?1049h\u001b[?25l",
      "\u001b[Hone\u001b[K\r\ntwo\u001b[K\r\nthree\u001b[K\u001b[J",
      "\u001b[?25h\u001b[?1049l",
    ]);
    assert.deepEqual(modes, [true, false]);
  });

  it("quits on q, Ctrl-C and Escape, but not on other letters and arrow keys", () => {
    const { keys, terminal: device } = terminal();
    let quits = 0;
    const screen = new LiveScreen(device, () => quits++);
    screen.open();
    for (const key of ["x", "\u001b[A", "q", "\u0003", "\u001b"]) keys.emit("data", Buffer.from(key));
    screen.close();
    keys.emit("data", Buffer.from("q"));
    assert.equal(quits, 3);
  });
});

describe("rates top", () => {
  let api: Awaited<ReturnType<typeof startFakeServer>> | undefined;
  afterEach(() => api?.close());
  const platform = async (fail: (call: Call) => unknown = () => undefined) => {
    api = await startFakeServer((call) => {
      if (fail(call) !== undefined) return;
      if (call.requestLine === "GET /stats") return json(call, SNAPSHOT);
      if (call.requestLine.includes("/waiting"))
        return json(call, { waiting: { sentence: "Waiting for a Glue run: 8 of 8 busy" } });
      const search = new URLSearchParams(call.requestLine.split("?")[1]);
      return json(call, { jobs: search.get("status") === "PENDING" ? [SNAPSHOT.oldest] : [] });
    });
    return api;
  };

  it("prints one snapshot for scripts, as text or JSON", async () => {
    const { env, calls } = await platform();
    const { code, stdout } = await start(["top", "--once", "--tenant", "acme"], env).ended;
    assert.equal(code, 0);
    assert.match(stdout, /^All 8 Glue runs are taken\.\nJobs +1,500 PENDING/);
    assert.match(stdout, /Oldest +oldest: Waiting for a Glue run: 8 of 8 busy/);
    assert(calls.every((call) => call === "GET /stats" || call.includes("tenant=acme")));
    const asJson = JSON.parse((await start(["top", "--once", "--json"], env).ended).stdout);
    assert.deepEqual([asJson.oldest.requestId, asJson.capacity.glue.slots], ["oldest", 8]);
  });

  it("writes one line per snapshot without a terminal, continues after an outage, and ends on Ctrl-C", async () => {
    let down = false;
    const { env } = await platform((call) => (down ? (call.response.writeHead(503).end("busy") ?? true) : undefined));
    const { child, ended } = start(["top", "--interval", "0.2"], env);
    assert(child.stdout && child.stderr);
    const [line] = await once(child.stdout, "data");
    assert.match(String(line), /^\S+ {2}waiting 1500 {2}running 8 {2}glue 8\/8 {2}ec2 1\/4 /);
    down = true;
    const [failure] = await once(child.stderr, "data");
    assert.match(String(failure), /503/);
    down = false;
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test asserts that they are absent
    assert.doesNotMatch(stdout, /\x1b/);
  });

  it("fails immediately if the platform is unreachable", async () => {
    const { code, stderr } = await start(["top"], { RATES_API: "http://127.0.0.1:1", RATES_TOKEN: "x" }).ended;
    assert.equal(code, 4);
    assert.match(stderr, /npm start/);
    assert.equal((await start(["top", "--interval", "0"], {}).ended).code, 2);
  });

  it("uses a real terminal, and restores it when q is typed", async function () {
    const version = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "";
    if (!version.includes("util-linux"))
      skip(this, "there is no script command of util-linux, which creates a terminal");
    this.timeout(60_000);
    const { env } = await platform();
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const child = spawn(
      "script",
      ["-qfec", `stty cols 70 rows 12; exec '${process.execPath}' '${main}' top`, "/dev/null"],
      {
        env: { PATH: process.env.PATH, TERM: "xterm", ...env },
      },
    );
    let output = "";
    const drawn = Promise.withResolvers<void>();
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.includes("nothing") || output.includes("per minute")) drawn.resolve();
    });
    const exited = once(child, "exit");
    await drawn.promise;
    child.stdin.write("q");
    const [code] = await exited;
    assert.equal(code, 0);
    assert(output.startsWith("\u001b[?1049h\u001b[?25l"));
    assert(output.trimEnd().endsWith("\u001b[?25h\u001b[?1049l"));
    const first = output.slice(output.indexOf("\u001b[H") + 3, output.indexOf("\u001b[J"));
    const lines = stripVTControlCharacters(first).split(/\r+\n/);
    assert(lines.length <= 12 && lines.every((line) => stringWidth(line) <= 70), first);
    assert.match(lines[0] ?? "", /^rates top .* q quits$/);
  });
});
