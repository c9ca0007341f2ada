import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { skip } from "../local/testing.ts";
import { CHECKS } from "./checks.ts";
import { CLOUD_CLAIMS } from "./cloudClaims.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe("the smoke run, on the local platform", function () {
  this.timeout(180_000);
  let dataDir = "";
  let platform: ChildProcess;
  before(async function () {
    if (!existsSync("/proc/self/environ")) skip(this, "this system has no /proc to find a run's process in");
    dataDir = mkdtempSync(join(tmpdir(), "rates-smoke-"));
    platform = spawn(process.execPath, [here("../local/main.ts"), "--port", "0", "--data-dir", dataDir], {
      stdio: "ignore",
    });
    for (let turn = 0; turn < 1_200 && !existsSync(join(dataDir, "platform.json")); turn++) await pause(50);
  });
  after(async () => {
    if (!dataDir) return;
    platform.kill("SIGINT");
    if (platform.exitCode === null && platform.signalCode === null) await once(platform, "exit");
    rmSync(dataDir, { recursive: true, force: true });
  });

  const smoke = async (directory: string) => {
    const child = spawn(process.execPath, [here("main.ts"), "--data-dir", directory]);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { stdout, stderr, code };
  };

  it("finds every claim that can be tried here to hold, and says of the others that they want an account", async () => {
    const { stdout, stderr, code } = await smoke(dataDir);
    assert.equal(code, 0, stdout + stderr);
    assert.ok(stdout.endsWith(`${CHECKS.length} passed, 0 failed, ${CLOUD_CLAIMS.length} not here\n`), stdout);
    for (const { claim } of [...CHECKS, ...CLOUD_CLAIMS]) assert.ok(stdout.includes(claim), claim);
  });
});
