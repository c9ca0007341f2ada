import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { isPrepared } from "../../db/prepare.ts";
import { accept } from "../store/jobs.ts";
import { newJob } from "../testing/jobs.ts";
import { DATABASE } from "./environment.ts";
import { localPlan } from "./plan.ts";
import { startPlatform } from "./platform.ts";
import { freePort } from "./ports.ts";
import { startPostgres } from "./postgres.ts";

describe("a platform that fails to start", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "rates-platform-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it("leaves no Postgres running if the emulator fails first", async function () {
    this.timeout(60_000);
    // The emulator's directory is a file.
    writeFileSync(join(dataDir, "aws"), "");
    const start = startPlatform({
      dataDir,
      port: await freePort(),
      plan: localPlan("dev"),
      print: () => undefined,
      signal: new AbortController().signal,
    });
    await assert.rejects(start, /EEXIST|ENOTDIR/);
    const log = join(dataDir, "logs", "postgres.log");
    assert.ok(existsSync(log), "Postgres was started");
    assert.equal(existsSync(join(dataDir, "postgres", "data", "postmaster.pid")), false, "and has ended");
  });

  it("stops without completing the database if it is aborted while it fills the database", async function () {
    this.timeout(60_000);
    const abort = new AbortController();
    const start = startPlatform({
      dataDir,
      port: await freePort(),
      plan: localPlan("dev"),
      print: (line) => {
        if (line.startsWith("Loading")) abort.abort();
      },
      signal: abort.signal,
    });
    await assert.rejects(start, { name: "AbortError" });
    const directory = join(dataDir, "postgres");
    const postgres = await startPostgres({ directory, logFile: join(dataDir, "log") });
    try {
      assert.equal(await isPrepared(postgres, DATABASE), false);
    } finally {
      await postgres.stop();
    }
  });

  it("ends a running job at once if it is forced to stop before its API has started", async function () {
    this.timeout(120_000);
    const options = { dataDir, plan: localPlan("dev"), print: () => undefined };
    const complete = await startPlatform({ ...options, port: await freePort(), signal: new AbortController().signal });
    await complete.stop();

    // The API cannot start, because its port is in use.
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const [stop, force] = [new AbortController(), new AbortController()];
    const { port } = server.address() as AddressInfo;
    const started = startPlatform({ ...options, port, signal: stop.signal, forceSignal: force.signal });
    started.catch(() => undefined);
    try {
      const db = await connectOnceUp(complete.file.databaseUrl);
      const sql = "select count(*) from (select generate_series(1, 3000000000::bigint)) numbers";
      await accept(db, [newJob("long", { sql, timeoutSeconds: 300 })]);
      const isRunning = async () =>
        (await db.query("select from jobs.jobs where status = 'IN_PROGRESS'")).rowCount === 1;
      while (!(await isRunning())) await delay(50);
      stop.abort();
      force.abort();
      const forcedAt = performance.now();
      await assert.rejects(started);
      assert(performance.now() - forcedAt < 30_000, "the job was not awaited");
    } finally {
      server.close();
    }
  });
});

/** Connects to a database once its server accepts connections. */
async function connectOnceUp(url: string): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client(url);
    // Stopping the server ends the connection.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch {
      await delay(50);
    }
  }
}
