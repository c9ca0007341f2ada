import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { JobError } from "../contract/errors.ts";
import { syncTracking } from "../dispatcher/syncTracking.ts";
import { backendOf } from "../store/backend.ts";
import { claim, type Ending, finish, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testApi } from "../testing/api/api.ts";
import { LAUNCHER } from "../testing/cli.ts";
import { CLI_INPUTS, type CliInput, FILES } from "../testing/cliInputs.ts";
import { testPlan } from "../testing/jobs.ts";
import { inTerminal } from "../testing/terminal.ts";

/** Time limit of one input's script, in seconds. */
const SCRIPT_SECONDS = 50;

interface Outcome {
  code: number;
  out: string;
  err: string;
}

describe("the command line with typical input", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let root: string;
  let url: string;
  const ended = new AbortController();
  const workers: Promise<void>[] = [];

  before(async function () {
    this.timeout(60_000);
    p = await testApi();
    url = await p.app.listen({ host: "127.0.0.1", port: 0 });
    root = await mkdtemp(join(tmpdir(), "rates-inputs-"));
    workers.push(work("glue"), work("ec2"), track());
  });
  after(async () => {
    ended.abort();
    await Promise.all(workers);
    await p.close();
    await rm(root, { recursive: true });
  });

  /**
   * Claims jobs and ends them immediately, as FAILED if their timeout is FAILING_TIMEOUT_SECONDS. Jobs whose SQL contains
   * "hold" keep running.
   */
  async function work(runnerType: "glue" | "ec2"): Promise<void> {
    const keeper = await p.role("job_keeper");
    let run: string | undefined;
    while (!ended.signal.aborted) {
      if (run === undefined) {
        [run] = await planRuns(p.context.db, testPlan(runnerType, 1));
        if (run !== undefined) await runStarted(keeper, run);
      }
      const job = run === undefined ? undefined : await claim(keeper, run, await backendOf(keeper), undefined);
      if (job === undefined) await pause(20);
      else if (!job.sql?.includes("hold"))
        await finish(keeper, job, endingOf(job.task as Task, job.timeoutSeconds === FAILING_TIMEOUT_SECONDS));
    }
  }

  /** Syncs changed jobs to the tracking store. */
  async function track(): Promise<void> {
    while (!ended.signal.aborted) {
      await syncTracking(p.context);
      await pause(50);
    }
  }

  /** Creates a tenant with a few jobs, and a directory with a few files, for one input. */
  async function prepare(index: number): Promise<{ cwd: string; env: Record<string, string> }> {
    const tenant = `t${index}`;
    const { authorization } = await p.as(tenant);
    const task = { type: "read", sql: "select 1 as n" };
    const jobs = [
      { requestId: "5493b3e1-a0c", task },
      { requestId: "5493b3e1-b7d", task },
      { requestId: "done", task },
      { requestId: "done-2", task },
      { requestId: "packed", task: { ...task, compression: "gzip" } },
      { requestId: "failed", task, timeoutSeconds: FAILING_TIMEOUT_SECONDS },
    ];
    for (const payload of jobs)
      await p.app.inject({ method: "POST", url: "/jobs", headers: { authorization }, payload });
    const failedJob = { url: "/jobs/failed", headers: { authorization } };
    while ((await p.app.inject(failedJob)).json().status !== "FAILED") await pause(20);
    const cwd = await mkdtemp(join(root, "in-"));
    for (const [name, content] of Object.entries(FILES)) await writeFile(join(cwd, name), content);
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: cwd,
      TERM: "xterm",
      RATES_API: url,
      RATES_TOKEN: authorization.slice("Bearer ".length),
    };
    return { cwd, env };
  }

  const bash = (script: string): string[] => [
    "bash",
    "-c",
    `rates() { ${process.execPath} ${LAUNCHER} "$@"; }\n${script}`,
  ];

  async function inPipes({ script }: CliInput, { cwd, env }: { cwd: string; env: Record<string, string> }) {
    const [program = "", ...args] = bash(script);
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: SCRIPT_SECONDS * 1000 });
    const closed = once(child, "close");
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await closed;
    return { code, out, err };
  }

  async function inPseudoTerminal(
    { script, steps = [], columns }: CliInput,
    { cwd, env }: { cwd: string; env: Record<string, string> },
  ) {
    const { output, code } = await inTerminal({
      ...{ argv: bash(script), cwd, env, steps, seconds: SCRIPT_SECONDS },
      ...(columns === undefined ? {} : { columns }),
    });
    return { code, out: output, err: output };
  }

  for (const [index, input] of CLI_INPUTS.entries()) {
    const { where = "pipes", name, code, out, err, script } = input;
    it(`${name}${where === "terminal" ? " (terminal)" : ""}`, async () => {
      const run = where === "terminal" ? inPseudoTerminal : inPipes;
      const outcome: Outcome = await run(input, await prepare(index));
      const all = `${script}\n--- exit ${outcome.code}\n${outcome.out}\n---\n${outcome.err}`;
      assert.equal(outcome.code, code, all);
      if (out) assert.match(outcome.out, out, all);
      if (err) assert.match(outcome.err, err, all);
      assert.doesNotMatch(outcome.err, /\n {4}at |node:internal/, all);
    }).timeout(SCRIPT_SECONDS * 2_000);
  }
});

interface Task {
  type: string;
  sql?: string;
  compression?: string;
  format?: string;
  mode?: string;
  dryRun?: boolean;
}

/** Timeout in seconds that marks the jobs which must fail. */
const FAILING_TIMEOUT_SECONDS = 99;

function endingOf(task: Task, mustFail: boolean): Ending {
  const counts = { rows: 1, bytes: 4, peakMemoryBytes: 1 };
  const { type, compression, format = "csv", dryRun = false } = task;
  if (mustFail)
    return {
      ...counts,
      status: "FAILED",
      error: new JobError("InvalidSql", { reason: "the test makes this job fail" }).body(),
    };
  if (type === "update")
    return {
      ...counts,
      status: "SUCCEEDED",
      result: JSON.stringify({ inline: { rows: 1, removed: 0, dryRun }, format: "json", rows: 1 }),
    };
  const inline = compression === "gzip" ? gzipSync("n\n1\n").toString("base64") : "n\n1\n";
  return { ...counts, status: "SUCCEEDED", result: JSON.stringify({ inline, format, compression, rows: 1 }) };
}
