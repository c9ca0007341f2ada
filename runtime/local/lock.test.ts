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

  it("is refused to a second platform, with the pid of the first platform", async () => {
    const first = await lock(directory);
    await assert.rejects(
      lock(directory),
      (error) =>
        error instanceof DirectoryInUse && error.pid === process.pid && error.message.includes(String(process.pid)),
    );
    first.release();
  });

  it("can be acquired again after its release, and leaves no file behind", async () => {
    (await lock(directory)).release();
    const again = await lock(directory);
    assert.equal(again.recovered, false);
    again.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("is taken over from a killed holder", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    writeFileSync(join(directory, "lock"), JSON.stringify(identify(child.pid ?? 0)));
    await assert.rejects(lock(directory), DirectoryInUse);
    child.kill("SIGKILL");
    await once(child, "exit");
    const taken = await lock(directory);
    assert.equal(taken.recovered, true);
    await assert.rejects(lock(directory), DirectoryInUse);
    taken.release();
  });

  it("is not held by another process with the dead holder's pid", async () => {
    writeFileSync(join(directory, "lock"), JSON.stringify({ pid: process.pid, startedAt: "long ago" }));
    assert.equal((await lock(directory)).recovered, true);
  });

  it("is not held by a truncated file", async () => {
    writeFileSync(join(directory, "lock"), '{"pid":');
    (await lock(directory)).release();
  });

  it("is awaited while its holder stops", async () => {
    const first = await lock(directory);
    first.markStopping();
    const { promise: message, resolve } = Promise.withResolvers<string>();
    const second = lock(directory, resolve);
    assert.match(await message, new RegExp(`process ${process.pid}\\) is stopping`));
    first.release();
    assert.equal((await second).recovered, false);
  });
});
