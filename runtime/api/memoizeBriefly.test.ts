import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { memoizeBriefly } from "./memoizeBriefly.ts";

describe("an answer that is kept", () => {
  it("is made once for all who ask while it is being made, and for a while after", async () => {
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

  it("is kept for longer than it took", async () => {
    const look = memoizeBriefly();
    let made = 0;
    const find = async () => {
      await pause(200);
      return ++made;
    };
    assert.equal(await look("a", find), 1);
    assert.equal(await look("a", find), 1);
  });

  it("is made again once its time is over", async () => {
    const look = memoizeBriefly();
    let made = 0;
    const find = async () => ++made;
    assert.equal(await look("a", find), 1);
    await pause(20);
    assert.equal(await look("a", find), 2);
  });

  it("is not a failure: the next one tries again", async () => {
    const look = memoizeBriefly(60_000);
    await assert.rejects(
      look("a", () => Promise.reject(new Error("gone"))),
      /gone/,
    );
    assert.equal(await look("a", async () => "back"), "back");
  });
});
