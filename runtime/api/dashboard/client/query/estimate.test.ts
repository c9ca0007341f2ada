import assert from "node:assert/strict";
import { estimateOf } from "./estimate.js";

describe("the estimate of a request", () => {
  const room = { slots: 2, running: 1, waiting: 3, now: false };
  for (const [name, fields, expected] of [
    ["a job that would start", { now: true }, "It would run on Glue, at once."],
    ["a job behind others", {}, "It would run on Glue, after 3 others (1 of 2 slots are in use)."],
    [
      "a job behind no other, for example while runs are paused",
      { waiting: 0 },
      "It would run on Glue, when a run is free.",
    ],
  ] as const)
    it(`describes the start of ${name}`, () =>
      assert.equal(estimateOf({ route: "glue", room: { ...room, ...fields } } as never), expected));
});
