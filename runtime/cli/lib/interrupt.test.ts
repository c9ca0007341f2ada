import assert from "node:assert/strict";
import { once } from "node:events";
import { CommandError } from "./exits.ts";
import { interruptible } from "./interrupt.ts";

const untilAborted = async (signal: AbortSignal): Promise<never> => {
  await once(signal, "abort");
  throw new Error("aborted");
};

describe("interruptible work", () => {
  const known: readonly unknown[] = [...process.listeners("SIGINT"), ...process.listeners("SIGTERM")];
  afterEach(() => {
    for (const name of ["SIGINT", "SIGTERM"] as const)
      for (const listener of process.listeners(name)) if (!known.includes(listener)) process.off(name, listener);
  });
  const added = () => process.listeners("SIGINT").filter((listener) => !known.includes(listener)).length;

  it("ends with its message on Ctrl-C, and still handles the launcher's copy of the signal", async () => {
    const work = interruptible(untilAborted, (why) => `Stopped: ${why}.`);
    process.emit("SIGINT");
    await assert.rejects(work, (error) => error instanceof CommandError && error.exit === "interrupted");
    assert.equal(added(), 1);
  });

  it("leaves no handler behind when it ends by itself or at its time limit", async () => {
    assert.equal(await interruptible(async () => 7, String), 7);
    await assert.rejects(
      interruptible(untilAborted, (why) => `Stopped: ${why}.`, 0),
      (error) => error instanceof CommandError && error.exit === "waitTimedOut",
    );
    assert.equal(added(), 0);
  });
});
