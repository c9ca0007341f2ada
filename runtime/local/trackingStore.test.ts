import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { testOpenSearch } from "../testing/cluster.ts";
import { startRecordingServer } from "../testing/tracking/recordingServer.ts";
import type { PlatformFile } from "./platformFile.ts";

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const WAIT_TIMEOUT_MS = 60_000;

describe("npm start -- --tracking", function () {
  this.timeout(3 * WAIT_TIMEOUT_MS);
  this.slow(30_000);
  let endpoint: string;
  let dataDir: string;
  let main: ChildProcess | undefined;

  before(async function () {
    endpoint = await testOpenSearch(this);
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "rates-tracking-"));
  });
  afterEach(async () => {
    await stop();
    rmSync(dataDir, { recursive: true });
    await fetch(`${endpoint}/rates-jobs-*`, { method: "DELETE" });
  });

  /** Resolves with the platform's addresses and output once it has started. */
  const start = async (...args: string[]): Promise<PlatformFile & { output: string }> => {
    const child = spawn(process.execPath, [program("main.ts"), "--port", "0", "--data-dir", dataDir, ...args]);
    main = child;
    const output: string[] = [];
    child.stderr.on("data", (data) => output.push(String(data)));
    for await (const line of createInterface(child.stdout)) {
      output.push(line);
      if (!line.includes("platform.json")) continue;
      const file = JSON.parse(await readFile(join(dataDir, "platform.json"), "utf8"));
      return { ...file, output: output.join("\n") };
    }
    assert.fail(`it ended:\n${output.join("\n")}`);
  };
  const stop = async () => {
    if (main === undefined || main.exitCode !== null) return;
    main.kill("SIGINT");
    await once(main, "exit");
  };
  const callApi = async ({ api, token }: PlatformFile, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(
      `${api}${path}`,
      body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers },
    );
    return {
      status: response.status,
      body: (await response.json()) as { jobs?: { requestId: string; status: string }[] },
    };
  };
  const submit = (file: PlatformFile, requestId: string) =>
    callApi(file, "/jobs", {
      requestId,
      task: { type: "read", sql: "select 1 as n", format: "json" },
      labels: { team: "Nordics" },
    });
  /** Waits for the given number of succeeded jobs with these words, and returns their ids. */
  const waitForJobs = async (file: PlatformFile, text: string, count: number) => {
    for (const deadline = Date.now() + WAIT_TIMEOUT_MS; ; await delay(100)) {
      const { jobs = [] } = (await callApi(file, `/jobs?${new URLSearchParams({ text, status: "SUCCEEDED" })}`)).body;
      if (jobs.length === count) return jobs.map(({ requestId }) => requestId).sort();
      assert(Date.now() < deadline, `${text}: ${JSON.stringify(jobs)}`);
    }
  };
  const countInOpenSearch = async () => {
    await fetch(`${endpoint}/rates-jobs-*/_refresh`, { method: "POST" });
    return ((await (await fetch(`${endpoint}/rates-jobs-*/_count`)).json()) as { count: number }).count;
  };

  it("finds jobs in that OpenSearch, and copies them when the store changes", async () => {
    const first = await start("--tracking", endpoint);
    assert.match(first.output, new RegExp(`Tracking +${endpoint}`));
    assert.equal((await submit(first, "nightly-rotterdam-7")).status, 202);
    assert.deepEqual(await waitForJobs(first, "rotter nordics", 1), ["nightly-rotterdam-7"]);
    assert.equal(await countInOpenSearch(), 1);

    await fetch(`${endpoint}/rates-jobs-*`, { method: "DELETE" });
    assert.deepEqual((await callApi(first, "/jobs?text=rotter")).body.jobs, []);
    const rebuilt = promisify(execFile)(process.execPath, [program("../tracking/reindex.ts"), "--data-dir", dataDir]);
    assert.match((await rebuilt).stderr, /^1 document written/m);
    assert.deepEqual(await waitForJobs(first, "rotter", 1), ["nightly-rotterdam-7"]);
    await stop();

    const second = await start();
    assert.deepEqual(await waitForJobs(second, "rotter", 1), ["nightly-rotterdam-7"], "copied to Postgres");
    await submit(second, "second");
    assert.deepEqual(await waitForJobs(second, "nordics", 2), ["nightly-rotterdam-7", "second"]);
    assert.equal(await countInOpenSearch(), 1);
    await stop();

    assert.deepEqual(await waitForJobs(await start("--tracking", endpoint), "nordics", 2), [
      "nightly-rotterdam-7",
      "second",
    ]);
  });

  it("starts and executes jobs while OpenSearch is down, and finds them once it is up", async () => {
    // A proxy to the OpenSearch that becomes available later.
    let isAvailable = false;
    const proxy = await startRecordingServer(async ({ method, path, body }, response) => {
      if (!isAvailable) return response.writeHead(503).end();
      const headers = { "content-type": path.startsWith("/_bulk") ? "application/x-ndjson" : "application/json" };
      const forwarded = await fetch(`${endpoint}${path}`, { method, headers, ...(body === "" ? {} : { body }) });
      response.writeHead(forwarded.status, { "content-type": "application/json" }).end(await forwarded.text());
    });
    try {
      const file = await start("--tracking", proxy.endpoint);
      assert.match(file.output, /returns 503: jobs run, but cannot be searched until it does/);
      await submit(file, "unseen");
      for (const deadline = Date.now() + WAIT_TIMEOUT_MS; ; await delay(50)) {
        const { body } = await callApi(file, "/jobs/unseen");
        if ((body as { status?: string }).status === "SUCCEEDED") break;
        assert(Date.now() < deadline, JSON.stringify(body));
      }
      assert.equal((await callApi(file, "/jobs?text=unseen")).status, 503);
      isAvailable = true;
      assert.deepEqual(await waitForJobs(file, "unseen", 1), ["unseen"]);
    } finally {
      await stop();
      await proxy.stop();
    }
  });
});
