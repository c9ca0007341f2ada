import assert from "node:assert/strict";
import { mock } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { memoizeBriefly } from "./memoizeBriefly.ts";

describe("a cached answer", () => {
  afterEach(() => mock.restoreAll());

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

  it("is cached for four times as long as it took", async () => {
    let now = 0;
    mock.method(performance, "now", () => now);
    const look = memoizeBriefly();
    let made = 0;
    const find = async () => {
      now += 200;
      return ++made;
    };
    assert.equal(await look("a", find), 1);
    now += 799;
    assert.equal(await look("a", find), 1);
    now += 1;
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
