import assert from "node:assert/strict";
import { once } from "node:events";
import { CommandError } from "./exits.ts";
import { interruptible } from "./interrupt.ts";

const untilAborted = async (signal: AbortSignal): Promise<never> => {
  await once(signal, "abort");
  throw new Error("aborted");
};

describe("interruptible work", () => {
  const initialListeners: readonly unknown[] = [...process.listeners("SIGINT"), ...process.listeners("SIGTERM")];
  afterEach(() => {
    for (const name of ["SIGINT", "SIGTERM"] as const)
      for (const listener of process.listeners(name))
        if (!initialListeners.includes(listener)) process.off(name, listener);
  });
  const addedListeners = () =>
    process.listeners("SIGINT").filter((listener) => !initialListeners.includes(listener)).length;

  it("ends with its message on Ctrl-C, and keeps a handler for the launcher's copy of the signal", async () => {
    const work = interruptible(untilAborted, (why) => `Stopped: ${why}.`);
    process.emit("SIGINT");
    await assert.rejects(work, (error) => error instanceof CommandError && error.exit === "interrupted");
    assert.equal(addedListeners(), 1);
  });

  it("removes its handlers when it ends by itself or at its time limit", async () => {
    assert.equal(await interruptible(async () => 7, String), 7);
    await assert.rejects(
      interruptible(untilAborted, (why) => `Stopped: ${why}.`, 0),
      (error) => error instanceof CommandError && error.exit === "waitTimedOut",
    );
    assert.equal(addedListeners(), 0);
  });
});
