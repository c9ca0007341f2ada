import assert from "node:assert/strict";
import { readMessage } from "./message.ts";

describe("a queue message's body", () => {
  it("is refused in complete sentences if its text is not parsed", () => {
    for (const body of ["[".repeat(1_000), `{"a":${'{"a":'.repeat(1_000)}`]) {
      const { problem, isParsed } = readMessage(body);
      assert.equal(isParsed, false);
      assert.match(problem?.message ?? "", /nested deeper than \d+ levels\. Send one JSON object/);
    }
  });
});
