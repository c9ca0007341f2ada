import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { skip } from "../testing/cluster.ts";
import { CHECKS } from "./checks.ts";
import { CLOUD_CHECKS } from "./cloudChecks.ts";

/** Time limit of a smoke run in milliseconds. After it, the failed test shows the output so far. */
const TIMEOUT_MS = 150_000;

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe("the smoke run, on the local platform", function () {
  this.timeout(180_000);
  let dataDir = "";
  let platform: ChildProcess;
  before(async function () {
    if (!existsSync("/proc/self/environ")) skip(this, "this system has no /proc to find a run's process in");
    dataDir = mkdtempSync(join(tmpdir(), "rates-smoke-"));
    platform = spawn(process.execPath, [pathOf("../local/main.ts"), "--port", "0", "--data-dir", dataDir], {
      stdio: "ignore",
    });
    for (let poll = 0; poll < 1_200 && !existsSync(join(dataDir, "platform.json")); poll++) await pause(50);
  });
  after(async () => {
    if (!dataDir) return;
    platform.kill("SIGINT");
    if (platform.exitCode === null && platform.signalCode === null) await once(platform, "exit");
    rmSync(dataDir, { recursive: true, force: true });
  });

  const smoke = async (directory: string) => {
    const child = spawn(process.execPath, [pathOf("main.ts"), "--data-dir", directory], {
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { stdout, stderr, code };
  };

  it("passes every check that needs no AWS account, and skips the others", async () => {
    const { stdout, stderr, code } = await smoke(dataDir);
    assert.equal(code, 0, stdout + stderr);
    assert.ok(stdout.endsWith(`${CHECKS.length} passed, 0 failed, ${CLOUD_CHECKS.length} skipped\n`), stdout);
    for (const { guarantee } of [...CHECKS, ...CLOUD_CHECKS]) assert.ok(stdout.includes(guarantee), guarantee);
  });

  it("names the failed check, runs the others, and exits with 1", async () => {
    const file = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
    const broken = mkdtempSync(join(tmpdir(), "rates-smoke-broken-"));
    try {
      // A missing queue fails at once, and leaves no job that delays the platform's stop.
      const deadLetterQueueUrl = `${file.deadLetterQueueUrl}-missing`;
      writeFileSync(join(broken, "platform.json"), JSON.stringify({ ...file, deadLetterQueueUrl }));
      cpSync(join(dataDir, "aws", "credentials"), join(broken, "aws", "credentials"));
      const { stdout, stderr, code } = await smoke(broken);
      assert.equal(code, 1, stdout + stderr);
      const failed = stdout.split("\n").filter((line) => line.startsWith("failed "));
      assert.deepEqual(failed, [
        "failed   an invalid message becomes a dead letter with a reason, and the next request is executed",
      ]);
      assert.ok(stdout.endsWith(`${CHECKS.length - 1} passed, 1 failed, ${CLOUD_CHECKS.length} skipped\n`), stdout);
    } finally {
      rmSync(broken, { recursive: true, force: true });
    }
  });
});
