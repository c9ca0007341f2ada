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

/** Time limit of a smoke run, after which its output so far is part of the failed test. Milliseconds. */
const BOUND_MS = 150_000;

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
    const child = spawn(process.execPath, [here("main.ts"), "--data-dir", directory], {
      timeout: BOUND_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { stdout, stderr, code };
  };

  it("passes every check that needs no account, and reports that the others need one", async () => {
    const { stdout, stderr, code } = await smoke(dataDir);
    assert.equal(code, 0, stdout + stderr);
    assert.ok(stdout.endsWith(`${CHECKS.length} passed, 0 failed, ${CLOUD_CHECKS.length} skipped\n`), stdout);
    for (const { guarantee: claim } of [...CHECKS, ...CLOUD_CHECKS]) assert.ok(stdout.includes(claim), claim);
  });

  it("names the failed check, runs the others, and exits with 1", async () => {
    const file = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
    const broken = mkdtempSync(join(tmpdir(), "rates-smoke-broken-"));
    try {
      // A missing queue fails at once, and leaves no job that the platform would wait for.
      const deadLetterQueueUrl = `${file.deadLetterQueueUrl}-of-nobody`;
      writeFileSync(join(broken, "platform.json"), JSON.stringify({ ...file, deadLetterQueueUrl }));
      cpSync(join(dataDir, "aws", "credentials"), join(broken, "aws", "credentials"));
      const { stdout, stderr, code } = await smoke(broken);
      assert.equal(code, 1, stdout + stderr);
      const failed = stdout.split("\n").filter((line) => line.startsWith("failed "));
      assert.deepEqual(failed, [
        "failed   an invalid message becomes a dead letter with its reason, and blocks no other",
      ]);
      assert.ok(stdout.endsWith(`${CHECKS.length - 1} passed, 1 failed, ${CLOUD_CHECKS.length} skipped\n`), stdout);
    } finally {
      rmSync(broken, { recursive: true, force: true });
    }
  });
});
