import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";

describe("a component process", () => {
  let directory: string;
  let logFile: string;
  let child: Child;
  let printed: string[];
  let onPrint: () => void;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-child-"));
    logFile = join(directory, "log");
    printed = [];
    onPrint = () => {};
  });
  afterEach(async () => {
    await child.stop();
    rmSync(directory, { recursive: true });
  });
  const start = (program: string, env: NodeJS.ProcessEnv = {}) => {
    child = startChild({
      name: "API",
      args: ["--import", import.meta.resolve("./exitWithParent.ts"), "-e", program],
      env: { ...process.env, ...env },
      logFile,
      stopTimeoutMs: 60_000,
      print(line) {
        printed.push(line);
        onPrint();
      },
    });
    return child;
  };

  it("is ready once it sends ready, and ends on SIGTERM", async () => {
    const { ready, stop } = start(`
      const life = setInterval(() => {}, 1000);
      process.on("SIGTERM", () => { console.log("draining"); clearInterval(life); });
      process.send("ready");
    `);
    await ready;
    await stop();
    assert.match(readFileSync(logFile, "utf8"), /draining/);
    assert.deepEqual(printed, []);
  });

  it("is restarted with a message when it ends unexpectedly", async () => {
    const restarted = new Promise<void>((resolve) => {
      onPrint = resolve;
    });
    start(`process.send("ready"); process.kill(process.pid, "SIGKILL")`);
    await restarted;
    assert.match(printed[0] ?? "", /The API ended unexpectedly \(SIGKILL\).*log/);
  });

  it("is started again with a message when its process could not be started", async () => {
    const { execPath } = process;
    const restarted = new Promise<void>((resolve) => {
      onPrint = resolve;
    });
    process.execPath = join(directory, "no-such-program");
    try {
      start(`setInterval(() => {}, 1000); process.send("ready")`);
      await restarted;
    } finally {
      process.execPath = execPath;
    }
    await child.ready;
    assert.match(
      printed.join("\n"),
      /^The API ended unexpectedly \(spawn .*no-such-program ENOENT\); starting it again/,
    );
  });

  it("fails permanently when it ends repeatedly, with the reason and the last lines of its log in the error", async () => {
    const { failed, ready } = start(`console.log("no database"); process.exit(3)`);
    await assert.rejects(failed, /ended 5 times within a minute \(most recently: exit code 3\).*no database/s);
    await assert.rejects(ready);
  });

  it("is stopped by force on request, and does not count as failed", async () => {
    const { ready, stop, forceStop } = start(`
      setInterval(() => {}, 1000);
      process.on("SIGTERM", () => {});
      process.on("message", (word) => { console.log(word); process.exit(); });
      process.send("ready");
    `);
    await ready;
    forceStop();
    await stop();
    assert.equal(readFileSync(logFile, "utf8").trim(), "forceStop");
    assert.deepEqual(printed, []);
  });

  it("is killed when it is stopped by force and ignores the request", async () => {
    const { ready, stop, forceStop } = start(
      `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); process.send("ready")`,
    );
    await ready;
    const stopped = stop();
    forceStop();
    await stopped;
  });

  it("stops without an error if the process has ended and the supervisor does not know it yet", async () => {
    const { ready, stop, forceStop } = start(`
      setInterval(() => {}, 1000);
      console.log(process.pid);
      process.send("ready");
    `);
    await ready;
    forceStop();
    process.kill(Number(readFileSync(logFile, "utf8")), "SIGKILL");
    // Waits without returning to the event loop, which would notice that the process has ended.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    await stop();
  });
});
