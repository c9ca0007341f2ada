import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPrepared } from "../../db/prepare.ts";
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
});
