import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { findByArguments, identify, isAlive, signal, waitForEnd } from "./processes.ts";

describe("processes", () => {
  it("are identified by pid and start time", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "a word", "another"]);
    await once(child, "spawn");
    const found = identify(child.pid ?? 0);
    assert.ok(found !== undefined && isAlive(found));
    const stranger = { pid: found.pid, startedAt: "another time" };
    assert.equal(isAlive(stranger), false);
    assert.equal(signal(stranger, "SIGKILL"), false);
    assert.deepEqual(findByArguments("a word", "another"), [found]);
    assert.deepEqual(findByArguments("word", "another"), []);

    assert.equal(await waitForEnd(found, 0), false);
    assert.equal(signal(found, "SIGKILL"), true);
    assert.equal(await waitForEnd(found, 10_000), true);
    assert.equal(identify(found.pid), undefined);
  });

  it("count as ended once they are zombies, even if they are never reaped", async () => {
    // The shell becomes a program that never reaps the child it inherits.
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"]);
    const [line] = await once(parent.stdout, "data");
    const zombie = identify(Number(line));
    if (zombie !== undefined) assert.equal(await waitForEnd(zombie, 10_000), true);
    process.kill(Number(line), 0); // It is still in the process table; otherwise this throws.
    parent.kill("SIGKILL");
    await once(parent, "exit");
  });
});
