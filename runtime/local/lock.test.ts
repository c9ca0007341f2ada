import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryInUse, lock } from "./lock.ts";
import { identify } from "./processes.ts";

describe("the lock of a data directory", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-lock-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("is refused to a second platform, which learns the first one's pid", () => {
    const first = lock(directory);
    assert.throws(
      () => lock(directory),
      (error) =>
        error instanceof DirectoryInUse && error.pid === process.pid && error.message.includes(String(process.pid)),
    );
    first.release();
  });

  it("can be taken again after its release, and leaves nothing behind", () => {
    lock(directory).release();
    const again = lock(directory);
    assert.equal(again.recovered, false);
    again.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("is taken over from a holder that was killed", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    writeFileSync(join(directory, "lock"), JSON.stringify(identify(child.pid ?? 0)));
    assert.throws(() => lock(directory), DirectoryInUse);
    child.kill("SIGKILL");
    await once(child, "exit");
    const taken = lock(directory);
    assert.equal(taken.recovered, true);
    assert.throws(() => lock(directory), DirectoryInUse);
    taken.release();
  });

  it("is not held by a stranger who got the dead holder's pid", () => {
    writeFileSync(join(directory, "lock"), JSON.stringify({ pid: process.pid, startedAt: "long ago" }));
    assert.equal(lock(directory).recovered, true);
  });

  it("is not held by a file that was cut off", () => {
    writeFileSync(join(directory, "lock"), '{"pid":');
    lock(directory).release();
  });
});
