import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { findByArguments, identify, isAlive, signal, waitForEnd } from "./processes.ts";

describe("processes", () => {
  it("are identified by pid and start time", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "a word", "another"]);
    await once(child, "spawn");
    const identity = identify(child.pid ?? 0);
    assert.ok(identity !== undefined && isAlive(identity));
    const stranger = { pid: identity.pid, startedAt: "another time" };
    assert.equal(isAlive(stranger), false);
    assert.equal(signal(stranger, "SIGKILL"), false);
    assert.deepEqual(findByArguments("a word", "another"), [identity]);
    assert.deepEqual(findByArguments("word", "another"), []);

    assert.equal(await waitForEnd(identity, 0), false);
    assert.equal(signal(identity, "SIGKILL"), true);
    assert.equal(await waitForEnd(identity, 10_000), true);
    assert.equal(identify(identity.pid), undefined);
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
