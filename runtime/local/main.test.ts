import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import pg from "pg";
import { skip } from "../testing/cluster.ts";
import { readPlatformCredentials } from "./aws/principals.ts";
import type { PlatformFile } from "./platformFile.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const WAIT_TIMEOUT_MS = 60_000;

/** Processes that have the data directory in their command line or environment, except zombies. */
function processesOf(dataDir: string): string[] {
  // A process may end while it is read.
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => {
    const command = read(pid, "cmdline");
    return command.includes(dataDir) || read(pid, "environ").includes(dataDir)
      ? [`${pid} ${command.replaceAll("\0", " ")}`]
      : [];
  });
}

async function until<T>(label: string, poll: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + WAIT_TIMEOUT_MS; Date.now() < deadline; await delay(50)) {
    const result = await poll();
    if (result) return result;
  }
  assert.fail(`${label}: not within ${WAIT_TIMEOUT_MS / 1000} s`);
}

describe("npm start", function () {
  this.timeout(2 * WAIT_TIMEOUT_MS);
  this.slow(15_000);
  let dataDir: string;
  let main: ChildProcess;
  let output: string;

  before(function () {
    if (!existsSync("/proc/self/environ")) skip(this, "this system has no /proc, which lists processes");
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "rates-main-"));
  });
  afterEach(async () => {
    if (main.exitCode === null && main.signalCode === null) {
      main.kill("SIGINT");
      main.kill("SIGINT");
      await once(main, "exit");
    }
    rmSync(dataDir, { recursive: true });
  });

  const start = (...args: string[]): ChildProcess => {
    output = "";
    // In its own process group, like a terminal's foreground job.
    main = spawn(process.execPath, [MAIN, "--port", "0", "--data-dir", dataDir, ...args], { detached: true });
    main.stdout?.on("data", (data) => {
      output += data;
    });
    main.stderr?.on("data", (data) => {
      output += data;
    });
    return main;
  };
  const platform = () =>
    until<PlatformFile>("platform.json", () => {
      if (main.exitCode !== null) assert.fail(`it ended:\n${output}`);
      const file = join(dataDir, "platform.json");
      // A killed platform leaves its file behind; the summary is printed after the new file is written.
      return output.includes("The platform is up") && JSON.parse(readFileSync(file, "utf8"));
    });
  const ctrlC = () => process.kill(-(main.pid ?? 0), "SIGINT");
  const exit = async () => (main.exitCode === null ? (await once(main, "exit"))[0] : main.exitCode);

  /** Creates an SQS client as a caller would, with the credentials in the data directory. */
  const client = (file: PlatformFile) =>
    new SQSClient({
      endpoint: file.sqsEndpoint,
      region: file.region,
      credentials: readPlatformCredentials(dataDir),
    });
  const send = (file: PlatformFile, requestId: string, task: object) =>
    client(file).send(
      new SendMessageCommand({ QueueUrl: file.requestQueueUrl, MessageBody: JSON.stringify({ requestId, task }) }),
    );
  const response = async (file: PlatformFile) => {
    const receive = new ReceiveMessageCommand({ QueueUrl: file.responseQueueUrl, WaitTimeSeconds: 2 });
    const message = await until("a response", async () => (await client(file).send(receive)).Messages?.[0]);
    return JSON.parse(message.Body ?? "");
  };
  const status = async (file: PlatformFile, requestId: string) => {
    const db = new pg.Client(file.databaseUrl);
    await db.connect();
    try {
      return (await db.query("select status from jobs.jobs where request_id = $1", [requestId])).rows[0]?.status;
    } finally {
      await db.end();
    }
  };
  const read = {
    type: "read",
    query: "average_rates",
    params: { date_from: "2021-01-01", date_to: "2021-01-02", orig_code: "CNSHA", dest_code: "NLRTM" },
    format: "json",
  };
  /** Returns a read that takes about the given seconds; pg_sleep would be refused. */
  const slow = (seconds: number) => ({
    type: "read",
    sql: `select count(*) from (select generate_series(1, ${seconds} * 8000000::bigint)) numbers`,
    format: "json",
  });

  it("responds to a message, refuses a second platform, and leaves no process and no platform.json behind after Ctrl-C", async () => {
    start();
    const file = await platform();
    assert.equal(statSync(join(dataDir, "platform.json")).mode & 0o777, 0o600);
    assert.deepEqual(Object.keys(file).toSorted(), [
      "api",
      "dashboard",
      "databaseUrl",
      "deadLetterQueueUrl",
      "region",
      "requestQueueUrl",
      "responseQueueUrl",
      "resultsBucket",
      "s3Endpoint",
      "sqsEndpoint",
      "stack",
      "token",
      "uploadsBucket",
    ]);
    const rates = await fetch(`${file.api}/rates?${new URLSearchParams(read.params)}`);
    assert.equal(rates.status, 200);

    const [, linkCode = ""] = /dashboard#\/sign-in\/(\S+)/.exec(output) ?? [];
    const signIn = () =>
      fetch(`${file.api}/session`, {
        method: "POST",
        headers: { "content-type": "application/json", "sec-fetch-site": "same-origin" },
        body: JSON.stringify({ code: linkCode }),
      });
    const signedIn = await signIn();
    assert.match(String(signedIn.headers.get("set-cookie")), /^rates_session_local-[0-9a-f]{12}=rates_s_/);
    assert(((await signedIn.json()) as { scopes: string[] }).scopes.includes("admin"));
    assert.equal((await signIn()).status, 401);
    assert.equal(((await rates.json()) as { rates: unknown[] }).rates.length, 2);

    await send(file, "first", read);
    const first = await response(file);
    assert.deepEqual([first.requestId, first.status], ["first", "SUCCEEDED"]);
    const runners = processesOf(dataDir).filter((line) => line.includes("runtime/runner"));
    assert.equal(runners.length, 1, "one warm runner");

    const second = spawn(process.execPath, [MAIN, "--port", "0", "--data-dir", dataDir]);
    const [[data], [code]] = await Promise.all([once(second.stderr, "data"), once(second, "exit")]);
    assert.equal(code, 2);
    assert.match(String(data), new RegExp(`in use by a platform that runs as process ${main.pid}`));
    assert.match(String(data), /another directory and another port: npm start -- --port 0 --data-dir OTHER/);

    ctrlC();
    assert.equal(await exit(), 0, output);
    assert.deepEqual(processesOf(dataDir), []);
    assert.equal(existsSync(join(dataDir, "platform.json")), false);
  });

  it("finishes a running job after Ctrl-C", async () => {
    start();
    const file = await platform();
    await send(file, "running", slow(1));
    await until("the job to run", async () => (await status(file, "running")) === "IN_PROGRESS");
    ctrlC();
    assert.equal(await exit(), 0, output);
    start();
    const received = await response(await platform());
    assert.deepEqual([received.requestId, received.status, received.stats.attempts], ["running", "SUCCEEDED", 1]);
  });

  it("ends a running job after a second Ctrl-C, and leaves no process behind", async () => {
    start();
    const file = await platform();
    await send(file, "long", slow(300));
    await until("the job to run", async () => (await status(file, "long")) === "IN_PROGRESS");
    ctrlC();
    await until("the message", () => output.includes("Ctrl-C again"));
    ctrlC();
    assert.equal(await exit(), 0, output);
    assert.deepEqual(processesOf(dataDir), []);
  });

  it("ends all its processes when it is killed, and continues when it is started again", async () => {
    start();
    const file = await platform();
    await send(file, "interrupted", slow(2));
    await until("the job to run", async () => (await status(file, "interrupted")) === "IN_PROGRESS");
    main.kill("SIGKILL");
    await exit();
    await until("its components to end", () => processesOf(dataDir).length === 0);

    start();
    const again = await platform();
    assert.match(output, /was killed; continuing/);
    assert.equal(again.token, file.token);
    const received = await response(again);
    assert.deepEqual([received.requestId, received.status, received.stats.attempts], ["interrupted", "SUCCEEDED", 2]);
  });

  it("restarts its API and its dispatcher when they are killed", async () => {
    start();
    const file = await platform();
    for (const program of ["runtime/api/main.ts", "runtime/local/dispatcherHost.ts"]) {
      const [line = ""] = processesOf(dataDir).filter((command) => command.includes(program));
      process.kill(Number.parseInt(line, 10), "SIGKILL");
      await until(`${program} to run again`, () =>
        processesOf(dataDir).some(
          (command) => command.includes(program) && Number.parseInt(command, 10) !== Number.parseInt(line, 10),
        ),
      );
    }
    await send(file, "after", read);
    assert.equal((await response(file)).status, "SUCCEEDED");
    await until(
      "the API",
      async () => (await fetch(`${file.api}/rates?${new URLSearchParams(read.params)}`).catch(() => undefined))?.ok,
    );
  });

  it("refuses a port in use, and suggests another", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    main = spawn(process.execPath, [MAIN, "--port", port, "--data-dir", join(dataDir, "none")]);
    const [[data], [code]] = await Promise.all([once(main.stderr ?? server, "data"), once(main, "exit")]);
    server.close();
    assert.equal(code, 2);
    assert.match(String(data), new RegExp(`Port ${port} is taken.*npm start -- --port \\d+`));
  });
});
