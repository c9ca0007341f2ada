import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { syncTracking } from "../dispatcher/syncTracking.ts";
import { backendOf } from "../store/backend.ts";
import { claim, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testApi } from "../testing/api/api.ts";
import { LAUNCHER } from "../testing/cli.ts";
import { testPlan } from "../testing/jobs.ts";
import { inTerminal } from "../testing/terminal.ts";

const PLATFORM = fileURLToPath(new URL("../local/main.ts", import.meta.url));
const PROMPT = "next> ";

/** Returns a pattern that matches a command's output and the next prompt. */
const promptAfter = (output: string): string => `${output}[\\s\\S]*[\\r\\n](\\x1b\\[\\?2004h)?${PROMPT}`;

/** Types commands into a shell in a terminal, each after the previous one has printed its expected output and ended. */
async function typeCommands(
  commands: readonly { run: string; shows: string }[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): Promise<string> {
  const steps = commands.map(({ run }, index) => {
    const before = commands[index - 1];
    return { expect: before === undefined ? PROMPT : promptAfter(before.shows), send: `${run}\n` };
  });
  const last = commands.at(-1)?.shows ?? "";
  const { output } = await inTerminal({
    argv: ["bash", "--norc", "--noprofile"],
    cwd,
    env: { PATH: `${cwd}:${process.env.PATH}`, HOME: cwd, TERM: "xterm", PS1: PROMPT, NO_COLOR: "1", ...env },
    columns: 110,
    rows: 40,
    steps: [...steps, { expect: promptAfter(last), send: "exit\n" }],
    seconds: 150,
  });
  return output;
}

/** Creates a directory with a `rates` command. */
function createWorkDirectory(): string {
  const cwd = mkdtempSync(join(tmpdir(), "rates-story-"));
  writeFileSync(join(cwd, "rates"), `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`, { mode: 0o755 });
  return cwd;
}

describe("a person in a terminal", () => {
  let cwd = "";
  beforeEach(() => {
    cwd = createWorkDirectory();
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  describe("with the platform that npm start starts", function () {
    this.timeout(240_000);
    let main: ChildProcess;
    let dataDir = "";
    before(async () => {
      dataDir = mkdtempSync(join(tmpdir(), "rates-story-data-"));
      main = spawn(process.execPath, [PLATFORM, "--port", "0", "--data-dir", dataDir], {
        stdio: ["ignore", "ignore", "inherit"],
        detached: true,
      });
      while (!existsSync(join(dataDir, "platform.json"))) {
        assert.equal(main.exitCode, null, "the platform did not start");
        await delay(100);
      }
    });
    after(async () => {
      main.kill("SIGINT");
      main.kill("SIGINT");
      if (main.exitCode === null && main.signalCode === null) await once(main, "exit");
      rmSync(dataDir, { recursive: true });
    });

    it("loads a batch after a dry run has reported the bad rows by line", async () => {
      const rows = ["AEJEA,ITSPE,2031-02-01,1500", "AEJEA,ITSPE,2031-02-30,1520", "AEJEA,NOWHERE,2031-02-01,-5"];
      writeFileSync(join(cwd, "prices.csv"), `${["orig_code,dest_code,day,price", ...rows].join("\n")}\n`);
      const params =
        "--param date_from=2031-02-01 --param date_to=2031-02-01 --param orig_code=AEJEA --param dest_code=ITSPE";
      const output = await typeCommands(
        [
          { run: "rates load prices.csv --dry-run; echo exit $?", shows: "exit 1" },
          { run: "sed -i '3s/02-30/02-01/; 4s/.*/AEJEA,ITSPE,2031-02-01,1610/' prices.csv", shows: "" },
          { run: "rates load prices.csv --dry-run; echo exit $?", shows: "exit 0" },
          { run: `rates query average_rates ${params} --format csv`, shows: "day,price,count" },
          { run: "rates load prices.csv; echo exit $?", shows: "exit 0" },
          { run: `rates query average_rates ${params}`, shows: "1 row\\." },
          { run: "rates result @last --format chart", shows: "1 of 1 day" },
        ],
        { cwd, env: { RATES_DATA_DIR: dataDir } },
      );
      // Every bad value is listed with line, column and reason.
      assert.match(output, /LINE +COLUMN +VALUE +REASON/);
      assert.match(output, /\b3 +day +"2031-02-30" +\S/);
      assert.match(output, /\b4 +dest_code +"NOWHERE" +\S/);
      assert.match(output, /\b4 +price +"-5" +\S/);
      assert.match(output, /Dry run: 3 rows valid, nothing changed\./);
      assert.match(output, /2031-02-01,,\r?\n/, "the dry runs loaded nothing");
      assert.match(output, /SUCCEEDED load-prices-\w+ +3 rows/);
      assert.match(output, /2031-02-01 +1543\.33\d* +3/);
      assert.match(output, /● price/);
      assert.match(output, /price: 1,543\.33 \(2031-02-01\)/);
    });
  });

  describe("on a stack with one Glue run", function () {
    this.timeout(240_000);
    let p: Awaited<ReturnType<typeof testApi>>;
    let env: Record<string, string>;
    before(async () => {
      p = await testApi({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });
      const { authorization } = await p.as("acme", "admin", "read", "submit");
      env = {
        RATES_API: await p.app.listen({ host: "127.0.0.1", port: 0 }),
        RATES_TOKEN: authorization.slice("Bearer ".length),
      };
    });
    after(() => p.close());

    it("finds the reason why a job waits, and the setting to raise", async () => {
      const headers = { authorization: `Bearer ${env.RATES_TOKEN}` };
      for (const requestId of ["running", "waiting"]) {
        const payload = { requestId, task: { type: "read", sql: "select 1" } };
        await p.app.inject({ method: "POST", url: "/jobs", headers, payload });
      }
      const keeper = await p.role("job_keeper");
      const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
      await runStarted(keeper, run);
      await claim(keeper, run, await backendOf(keeper), undefined);
      await syncTracking(p.context);
      const output = await typeCommands(
        [
          { run: "rates list --status pending", shows: "PENDING +waiting" },
          { run: "rates show @last", shows: "Waiting for" },
          { run: "rates top --once", shows: "Glue " },
        ],
        { cwd, env },
      );
      assert.match(output, /Waiting for a Glue run: 1 of 1 busy, next in line/);
      assert.match(output, /The one Glue run is busy; 1 job waits.* raise runners\.glue\.maxRuns/);
      assert.match(output, /Glue +█+ 1 of 1 busy/);
    });
  });
});
