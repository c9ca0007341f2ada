import assert from "node:assert/strict";
import { reasonOf } from "./reason.ts";

describe("reasonOf", () => {
  it("returns the cause's message, or the error's own if the cause has none", () => {
    assert.equal(
      reasonOf(new Error("fetch failed", { cause: new Error("connect ECONNREFUSED") })),
      "connect ECONNREFUSED",
    );
    assert.equal(reasonOf(new Error("fetch failed", { cause: new Error("") })), "fetch failed");
    assert.equal(reasonOf(new Error("fetch failed", { cause: "text" })), "fetch failed");
    assert.equal(reasonOf("text"), "text");
  });

  it("names every address of a host that could not be reached", () => {
    const addresses = new AggregateError([new Error("ECONNREFUSED ::1"), new Error("ECONNREFUSED 127.0.0.1")]);
    assert.equal(reasonOf(addresses), "ECONNREFUSED ::1; ECONNREFUSED 127.0.0.1");
    assert.equal(reasonOf(new Error("fetch failed", { cause: addresses })), "ECONNREFUSED ::1; ECONNREFUSED 127.0.0.1");
  });
});
