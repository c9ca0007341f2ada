import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Call, json, start, startFakeServer } from "../../testing/cli.ts";
import { EXITS } from "../lib/exits.ts";
import { cloudLog, localLog, logText, RunLog } from "../lib/runLog.ts";

const RUN = "0e75a38a-0adb-440e-8039-69635c440b66";
const AT = Date.parse("2026-01-01T00:00:00.000Z");
const iso = (seconds: number) => new Date(AT + seconds * 1000).toISOString();
const logLine = (seconds: number, msg: string, more: object = {}) =>
  `${JSON.stringify({ level: 30, time: AT + seconds * 1000, run: RUN, runner: "ec2", ...more, msg })}\n`;

describe("a run's log", () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "rates-tail-"));
    file = join(directory, `runner-${RUN}.log`);
  });
  afterEach(() => rm(directory, { recursive: true }));
  const attempt = { startedAt: iso(100), endedAt: iso(110) };

  it("contains only the lines of one job; a line without a time belongs to the same job as the line before", async () => {
    await writeFile(
      file,
      [
        logLine(10, "of the previous job"),
        "trace of the previous job\n",
        logLine(100, "began", { job: 2 }),
        "    at line (of a trace)\n",
        logLine(111, "response sent", { requestId: "a" }),
        logLine(112, "response sent", { requestId: "other" }),
        "trace of another job\n",
        logLine(200, "of the next job"),
      ].join(""),
    );
    const log = new RunLog(file, "a");
    const lines = await log.lines(attempt);
    await log.close();
    assert.deepEqual(
      lines.map((line) => (line.startsWith("{") ? JSON.parse(line).msg : line)),
      ["began", "    at line (of a trace)", "response sent"],
    );
  });

  it("returns only complete lines as they are added, even if a read splits a character", async () => {
    await writeFile(file, "");
    const log = new RunLog(file, "a");
    const line = Buffer.from(logLine(101, "Tromsø"));
    const cut = line.indexOf("ø") + 1;
    assert.deepEqual(await log.lines(attempt), []);
    await appendFile(file, line.subarray(0, cut));
    assert.deepEqual(await log.lines(attempt), []);
    await appendFile(file, line.subarray(cut));
    assert.deepEqual(await log.lines(attempt), [line.toString().trimEnd()]);
    await appendFile(file, logLine(102, "x".repeat(2_000_000)) + logLine(103, "last"));
    const lines = await log.lines(attempt);
    assert.deepEqual([lines.length, JSON.parse(lines.at(-1) ?? "").msg], [2, "last"]);
    await log.close();
  });

  it("is formatted for people: time, level, message and further fields, with control characters escaped", () => {
    const line = logLine(1.5, "bad\u001b[2J rows", { level: 40, job: 1, error: "InvalidRows", rows: 3 }).trimEnd();
    assert.equal(logText(line, process.stdout), "00:00:01.500 WARN  bad\\x1b[2J rows error=InvalidRows rows=3");
    assert.equal(logText("no JSON\u0007", process.stdout), "no JSON\\x07");
    assert.match(logText('{"level":"warn","run":"r","msg":"given away"}', process.stdout), /^WARN {2}given away$/);
  });

  it("is read only from files that the local platform created", async () => {
    const logAt = (logLocation: string) => localLog({ runner: "ec2", runId: RUN, startedAt: iso(0), logLocation });
    assert.equal(logAt(file), undefined, "does not exist yet");
    await writeFile(file, "");
    await writeFile(join(directory, "secret"), "");
    assert.equal(logAt(file), file);
    assert.equal(logAt(join(directory, "secret")), undefined);
    assert.equal(logAt("r/i-0123456789abcdef0"), undefined);
  });

  it("is located in AWS by a command and a link", () => {
    const run = { runner: "ec2" as const, runId: RUN, startedAt: iso(0) };
    assert.deepEqual(cloudLog({ ...run, logLocation: "dev-ec2/i-0123456789abcdef0" }, "eu-central-1"), {
      group: "dev-ec2",
      stream: "i-0123456789abcdef0",
      command:
        "aws logs tail dev-ec2 --log-stream-names i-0123456789abcdef0 --since 2026-01-01T00:00:00.000Z --follow --region eu-central-1",
      url: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/dev-ec2/log-events/i-0123456789abcdef0",
    });
    assert.deepEqual(cloudLog({ ...run, endedAt: iso(1), logLocation: "/aws-glue/python-jobs/output" }, undefined), {
      group: "/aws-glue/python-jobs/output",
      command: `aws logs tail /aws-glue/python-jobs/output --filter-pattern '{ $.run = "${RUN}" }' --since 2026-01-01T00:00:00.000Z`,
    });
    const { url } = cloudLog({ ...run, logLocation: "/aws-glue/python-jobs/output" }, "eu-west-1") ?? {};
    assert(url?.endsWith("log-group/$252Faws-glue$252Fpython-jobs$252Foutput"), url);
    assert.equal(cloudLog(run, "eu-west-1"), undefined);
  });

  /** Starts an API with one job, whose event stream has these documents. */
  const platform = (documents: object[]) =>
    startFakeServer(async (call: Call) => {
      if (!call.requestLine.includes("/events")) return json(call, documents[0]);
      call.response.writeHead(200, { "content-type": "text/event-stream" });
      call.response.end(documents.map((document) => `data: ${JSON.stringify(document)}\n\n`).join(""));
    });
  const job = (status: string, more: object = {}) => ({
    requestId: "a",
    tenant: "acme",
    status,
    createdAt: iso(99),
    task: { type: "read", sql: "select 1" },
    labels: {},
    progress: { rows: 0, bytes: 0 },
    attempts: [],
    statusHistory: [{ status: "PENDING", at: iso(99) }],
    ...more,
  });
  const running = () =>
    job("IN_PROGRESS", {
      statusHistory: [...job("").statusHistory, { status: "IN_PROGRESS", at: iso(100) }],
      attempts: [{ runner: "ec2", runId: RUN, startedAt: iso(100), logLocation: file }],
    });

  it("is followed until the job has ended and its run has sent the response", async () => {
    await writeFile(file, logLine(100, "began"));
    const ended = job("FAILED", {
      ...running(),
      status: "FAILED",
      statusHistory: [...running().statusHistory, { status: "FAILED", at: iso(104) }],
    });
    const api = await platform([job("PENDING"), running(), ended]);
    const { child, ended: result } = start(["tail", "a"], api.env);
    assert(child.stdout);
    const [first] = await once(child.stdout, "data");
    assert.match(String(first), /^00:01:40\.000 INFO {2}began$/m);
    await appendFile(file, logLine(104, "response sent", { requestId: "a" }));
    const { code, stderr } = await result;
    api.close();
    assert.equal(code, EXITS.failed.code);
    assert.match(
      stderr,
      /00:01:39\.000 PENDING after 0 ms\n00:01:40\.000 IN_PROGRESS after 1\.0 s\nattempt 1: ec2 run/,
    );
    assert.equal(stderr.match(/IN_PROGRESS after/g)?.length, 1, "each state once");
  });

  it("is followed only briefly after the job has ended if the run was killed before it wrote its final line", async () => {
    await writeFile(file, logLine(100, "began"));
    const api = await platform([running(), job("FAILED", { ...running(), status: "FAILED" })]);
    const { child, ended: result } = start(["tail", "a"], api.env);
    // Waiting for the final line would exceed this test's timeout.
    const hung = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const { code, stdout } = await result;
    clearTimeout(hung);
    api.close();
    assert.deepEqual([code, stdout], [EXITS.failed.code, "00:01:40.000 INFO  began\n"]);
  });

  it("is printed once with --no-follow, also as JSON", async () => {
    await writeFile(file, logLine(100, "began"));
    const api = await platform([running()]);
    const now = await start(["tail", "a", "--no-follow"], api.env).ended;
    assert.deepEqual([now.code, now.stdout], [0, "00:01:40.000 INFO  began\n"]);
    assert.match(now.stderr, /is not finished; `rates tail a` follows it/);
    const { stdout } = await start(["tail", "a", "--no-follow", "--json"], api.env).ended;
    api.close();
    assert.deepEqual([JSON.parse(stdout).requestId, JSON.parse(JSON.parse(stdout).log[0]).msg], ["a", "began"]);
  });
});
