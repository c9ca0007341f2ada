import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { memoizeBriefly } from "./memoizeBriefly.ts";

describe("a cached answer", () => {
  it("is computed once for concurrent callers, and cached for a while", async () => {
    const look = memoizeBriefly(60_000);
    let made = 0;
    const find = async () => {
      made += 1;
      await pause(5);
      return made;
    };
    assert.deepEqual(await Promise.all([look("a", find), look("a", find)]), [1, 1]);
    assert.equal(await look("a", find), 1);
    assert.equal(await look("b", find), 2);
  });

  it("is cached in proportion to its duration", async () => {
    const look = memoizeBriefly();
    let made = 0;
    const find = async () => {
      await pause(200);
      return ++made;
    };
    assert.equal(await look("a", find), 1);
    assert.equal(await look("a", find), 1);
  });

  it("is computed again after its lifetime", async () => {
    const look = memoizeBriefly();
    let made = 0;
    const find = async () => ++made;
    assert.equal(await look("a", find), 1);
    await pause(20);
    assert.equal(await look("a", find), 2);
  });

  it("is never a failure: the next call tries again", async () => {
    const look = memoizeBriefly(60_000);
    await assert.rejects(
      look("a", () => Promise.reject(new Error("gone"))),
      /gone/,
    );
    assert.equal(await look("a", async () => "back"), "back");
  });
});
