import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { JobError } from "../contract/errors.ts";
import { syncTracking } from "../dispatcher/syncTracking.ts";
import { backendOf } from "../store/backend.ts";
import { type ClaimedJob, claim, type Ending, finish, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testApi } from "../testing/api/api.ts";
import { LAUNCHER, start } from "../testing/cli.ts";
import { testPlan } from "../testing/jobs.ts";
import { EXITS } from "./lib/exits.ts";

const REPORT = 'line,column,value,reason\n7,price,-3,"must be a whole number above 0, written in digits"\n';

describe("the command line", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let directory: string;
  let connection: Record<string, string>;
  let claimNext: (runnerType?: "glue" | "ec2") => Promise<ClaimedJob>;
  let end: (job: ClaimedJob, ending: Partial<Ending>) => Promise<void>;
  before(async () => {
    p = await testApi();
    await p.admin.query(`insert into regions (slug, name) values ('r', 'R');
      insert into ports (code, name, parent_slug) values ('A', 'Port A', 'r'), ('B', 'Port B', 'r')`);
    directory = await mkdtemp(join(tmpdir(), "rates-cli-"));
    const { authorization } = await p.as("acme");
    connection = {
      RATES_API: await p.app.listen({ host: "127.0.0.1", port: 0 }),
      RATES_TOKEN: authorization.slice("Bearer ".length),
    };
    const keeper = await p.role("job_keeper");
    const runs = new Map<string, string>();
    claimNext = async (runnerType = "glue") => {
      let run = runs.get(runnerType);
      if (!run) {
        // Runs are planned only for waiting jobs, and the command may not have submitted the job yet.
        while (!run) [run] = await planRuns(p.context.db, testPlan(runnerType, 1));
        await runStarted(keeper, run);
        runs.set(runnerType, run);
      }
      for (;;) {
        const job = await claim(keeper, run, await backendOf(keeper), undefined);
        if (job) return job;
      }
    };
    end = async (job, ending) => {
      await finish(keeper, job, { status: "SUCCEEDED", rows: 1, bytes: 8, peakMemoryBytes: 1, ...ending });
    };
  });
  after(async () => {
    await p.close();
    await rm(directory, { recursive: true });
  });

  /** Runs the command until it ends. */
  const rates = (args: string[], env: Record<string, string> = connection, input = "") =>
    start(args, env, { input }).ended;
  const file = async (name: string, content: string) => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };

  it("shows help with exit codes, and suggests the correct name of a misspelled command", async () => {
    const help = await rates(["--help"]);
    assert.equal(help.code, 0);
    for (const word of ["submit", "watch", "load", "query", ...Object.values(EXITS).map((exit) => exit.meaning)])
      assert(help.stdout.includes(word), word);
    const wrong = await rates(["submt"]);
    assert.equal(wrong.code, EXITS.invalid.code);
    assert.match(wrong.stderr, /Did you mean submit\?/);
  });

  it("does not send a file with a repeated field or a number that JSON.parse would round", async () => {
    const task = '{"type":"read","sql":"select 1"}';
    for (const [content, message] of [
      [`{"requestId":"twice","task":${task},"task":${task}}`, /: task is given more than once/],
      [`{"requestId":"twice","task":${task},"ta\\u0073k":${task}}`, /: task is given more than once/],
      [
        '{"requestId":"twice","task":{"type":"update","target":"prices","source":{"inline":[{"price":1500.00000000000000001}]}}}',
        /: task\.source\.inline\.0\.price would be rounded to 1500/,
      ],
    ] as const)
      for (const refused of [
        await rates(["submit", "-"], connection, content),
        await rates(["submit", await file("request.json", content)]),
      ]) {
        assert.equal(refused.code, EXITS.invalid.code);
        assert.match(refused.stderr, message);
      }
    assert.equal((await rates(["show", "twice"])).code, EXITS.invalid.code, "no such job");
  });

  it("submits a request from a file and from stdin", async () => {
    const request = JSON.stringify({ requestId: "from-file", task: { type: "read", sql: "select 1" } });
    const submitted = await rates(["submit", await file("request.json", request), "--json"]);
    assert.deepEqual(JSON.parse(submitted.stdout), { requestId: "from-file", tenant: "acme", status: "PENDING" });
    const again = await rates(["submit", "-"], connection, request);
    assert.deepEqual([again.code, again.stdout], [0, ""]);
    assert.match(again.stderr, /PENDING from-file/);
    await end(await claimNext(), { result: "{}" });
  });

  it("runs a query, waits for it, and prints only its result on stdout", async () => {
    const running = rates([
      "query",
      "average_rates",
      "--param",
      "date_from=2021-01-01",
      "--param",
      "date_to=2021-01-02",
      "--param",
      "orig_code=A",
      "--param",
      "dest_code=B",
    ]);
    const job = await claimNext();
    assert.deepEqual("params" in job.task && job.task.params, {
      date_from: "2021-01-01",
      date_to: "2021-01-02",
      orig_code: "A",
      dest_code: "B",
    });
    await end(job, { result: '{"inline":"day,price\\n","format":"csv","rows":0}' });
    const { stdout, stderr, code } = await running;
    assert.deepEqual([code, stdout], [0, "day,price\n"]);
    assert.match(stderr, /SUCCEEDED/);
  });

  it("writes a result to a file", async () => {
    const output = join(directory, "out.csv");
    const running = rates(["query", "--sql", "select 1 as n", "--output", output]);
    await end(await claimNext(), { result: '{"inline":"n\\n1\\n","format":"csv","rows":1}' });
    assert.deepEqual([(await running).code, await readFile(output, "utf8")], [0, "n\n1\n"]);
  });

  it("loads a file through an upload, shows its bad rows, and downloads the report of all bad rows", async () => {
    const running = rates([
      "load",
      await file("prices.csv", "orig_code,dest_code,day,price\n"),
      "--target",
      "prices",
      "--mode",
      "replace",
      "--id",
      "batch",
    ]);
    const job = await claimNext("ec2");
    assert("source" in job.task && "s3" in job.task.source);
    assert.match(job.task.source.s3, /^s3:\/\/uploads\/[0-9a-f]{16}\/[0-9a-f]{64}$/);
    const details = [
      { line: 7, column: "price", value: "-3", reason: "must be a whole number above 0, written in digits" },
      { more: 2, report: { location: "s3://results/x/report.csv" } },
    ];
    await end(job, {
      status: "FAILED",
      error: new JobError("InvalidRows", { count: 3, rows: 50_000 }, { details }).body(),
    });
    const { stderr, stdout, code } = await running;
    assert.deepEqual([code, stdout], [EXITS.failed.code, ""]);
    assert.match(stderr, /FAILED batch/);
    assert.match(stderr, /^LINE +COLUMN +VALUE +REASON$/m);
    assert.match(stderr, /^7 +price +"-3" +must be a whole number above 0, written in digits$/m);
    assert.match(stderr, /2 more: `rates [^`]*result batch --report` has all of them\./);
    assert.match(stderr, /^Fix these rows in \S*prices\.csv, then run the command with another --id\.$/m);
    await p.s3.send(new PutObjectCommand({ Bucket: "results", Key: "x/report.csv", Body: REPORT }));
    const output = join(directory, "bad-rows.csv");
    assert.equal((await rates(["result", "batch", "--report", "--output", output])).code, 0);
    assert.equal(await readFile(output, "utf8"), REPORT);
  });

  it("lists, shows, cancels and retries jobs", async () => {
    await rates(["submit", "--sql", "select 2", "--id", "to-cancel"]);
    assert.equal((await rates(["cancel", "to-cancel", "--reason", "wrong month"])).code, 0);
    const watched = await rates(["watch", "to-cancel"]);
    assert.equal(watched.code, EXITS.cancelled.code);
    assert.match(watched.stderr, /The job was cancelled on request\. Reason: wrong month/);
    assert.match((await rates(["show", "to-cancel"])).stdout, /Reason: wrong month/);
    assert.match((await rates(["audit", "--action", "cancel"])).stdout, / REASON\n.* wrong month$/m);
    const refused = await rates(["cancel", "to-cancel", "--reason", "x".repeat(501)]);
    assert.deepEqual([refused.code, refused.stderr.includes("reason")], [EXITS.invalid.code, true]);
    assert.match((await rates(["retry", "to-cancel"])).stderr, /PENDING to-cancel.retry-1/);
    await end(await claimNext(), { result: "{}" });
    await syncTracking(p.context);
    const list = await rates(["list", "--text", "cancel"]);
    assert.match(list.stdout, /^STATUS +ID +CREATED/);
    assert.match(list.stdout, /CANCELLED +to-cancel /);
    assert.deepEqual(
      JSON.parse(
        (await rates(["list", "--status", "CANCELLED", "--from", "2020-01-01", "--sort", "totalMs", "--json"])).stdout,
      ).jobs.map((job: { requestId: string }) => job.requestId),
      ["to-cancel"],
    );
    assert.match((await rates(["show", "to-cancel"])).stdout, /PENDING[\s\S]*CANCELLED/);
  });

  it("lets an admin, but no other user, handle another tenant's jobs with --tenant", async () => {
    const { authorization } = await p.as("ops", "admin", "read", "submit", "cancel");
    const admin = { ...connection, RATES_TOKEN: authorization.slice("Bearer ".length) };
    assert.equal((await rates(["submit", "--sql", "select 4", "--id", "theirs", "--tenant", "acme"], admin)).code, 0);
    assert.equal((await rates(["show", "theirs"], admin)).code, EXITS.invalid.code);
    assert.equal((await rates(["cancel", "theirs", "--tenant", "acme"], admin)).code, 0);
    assert.equal((await rates(["watch", "theirs", "--tenant", "acme"], admin)).code, EXITS.cancelled.code);
    assert.equal((await rates(["show", "theirs", "--tenant", "ops"])).code, EXITS.unreachable.code);
  });

  it("stops waiting after --wait while the job keeps running", async () => {
    const { code, stderr } = await rates(["query", "--sql", "select 3", "--id", "slow", "--wait", "0.3"]);
    assert.equal(code, EXITS.waitTimedOut.code);
    assert.match(stderr, /rates watch slow/);
    await end(await claimNext(), { result: "{}" });
  });

  it("reports the problems of a request, as JSON with --json", async () => {
    const { code, stderr } = await rates(["submit", "--query", "avarage_rates"]);
    assert.equal(code, EXITS.invalid.code);
    assert.match(stderr, /task\.query = "avarage_rates" .*Did you mean 'average_rates'/);
    const asJson = await rates(["submit", "--query", "avarage_rates", "--json"]);
    assert.equal(JSON.parse(asJson.stdout).error.type, "InvalidRequest");
    for (const args of [
      ["submit"],
      ["submit", "--query", "a", "--sql", "b"],
      ["submit", "--target", "prices"],
      ["submit", "/no/such/file"],
      ["load", "/no/such/file.csv"],
      ["load", "prices.txt"],
      ["show", "nobody"],
    ])
      assert.equal((await rates(args)).code, EXITS.invalid.code, args.join(" "));
    for (const args of [["query"], ["query", "average_rates", "--sql", "select 1"]])
      assert.match((await rates(args)).stderr, /^Name a query \(`rates queries` lists them\), or give either --sql/);
  });

  it("names the next step if no platform responds or runs, and fails if the platform refuses the token", async () => {
    const nowhere = await rates(["list"], { RATES_API: "http://127.0.0.1:1", RATES_TOKEN: "x" });
    assert.equal(nowhere.code, EXITS.unreachable.code);
    assert.match(nowhere.stderr, /npm start/);
    const none = await rates(["list", "--data-dir", directory], {});
    assert.match(none.stderr, /No platform runs/);
    assert.equal((await rates(["list"], { ...connection, RATES_TOKEN: "wrong" })).code, EXITS.unreachable.code);
  });

  it("runs through the launcher, which returns the command's exit code", async () => {
    assert.equal((await start(["show", "nobody"], connection, { program: LAUNCHER }).ended).code, EXITS.invalid.code);
  });
});
