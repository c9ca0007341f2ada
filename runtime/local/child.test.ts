import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";

describe("a part of the platform", () => {
  let directory: string;
  let logFile: string;
  let child: Child;
  let said: string[];
  let onSaid: () => void;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-child-"));
    logFile = join(directory, "log");
    said = [];
    onSaid = () => {};
  });
  afterEach(async () => {
    await child.stop();
    rmSync(directory, { recursive: true });
  });
  const start = (program: string, env: NodeJS.ProcessEnv = {}) => {
    child = startChild({
      name: "part",
      args: ["--import", import.meta.resolve("./exitWithParent.ts"), "-e", program],
      env: { ...process.env, ...env },
      logFile,
      patience: 60_000,
      say(line) {
        said.push(line);
        onSaid();
      },
    });
    return child;
  };

  it("is ready when it says so, and ends when asked", async () => {
    const { ready, stop } = start(`
      const life = setInterval(() => {}, 1000);
      process.on("SIGTERM", () => { console.log("draining"); clearInterval(life); });
      process.send("ready");
    `);
    await ready;
    await stop();
    assert.match(readFileSync(logFile, "utf8"), /draining/);
    assert.deepEqual(said, []);
  });

  it("is restarted when it ends by itself, with a message", async () => {
    const again = new Promise<void>((resolve) => {
      onSaid = resolve;
    });
    start(`process.send("ready"); process.kill(process.pid, "SIGKILL")`);
    await again;
    assert.match(said[0] ?? "", /The part ended by itself \(SIGKILL\).*log/);
  });

  it("fails permanently when it keeps ending, with the end of its log", async () => {
    const { failed, ready } = start(`console.log("no database"); process.exit(3)`);
    await assert.rejects(failed, /ended 5 times within a minute.*no database/s);
    await assert.rejects(ready);
  });

  it("is stopped by force on request, and does not count as failed", async () => {
    const {
      ready,
      stop,
      forceStop: hurry,
    } = start(`
      setInterval(() => {}, 1000);
      process.on("SIGTERM", () => {});
      process.on("message", (word) => { console.log(word); process.exit(); });
      process.send("ready");
    `);
    await ready;
    hurry();
    await stop();
    assert.equal(readFileSync(logFile, "utf8").trim(), "hurry");
    assert.deepEqual(said, []);
  });

  it("ends even if it will not, once it must hurry", async () => {
    const {
      ready,
      stop,
      forceStop: hurry,
    } = start(`process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); process.send("ready")`);
    await ready;
    const stopped = stop();
    hurry();
    await stopped;
  });
});
