import assert from "node:assert/strict";
import { readMessage } from "./message.ts";

describe("a queue message's body", () => {
  it("is refused with a reason and a remedy in complete sentences if it is nested too deeply to be parsed", () => {
    for (const body of ["[".repeat(1_000), `{"a":${'{"a":'.repeat(1_000)}`]) {
      const { problem, isParsed } = readMessage(body);
      assert.equal(isParsed, false);
      assert.match(
        problem?.message ?? "",
        /nested deeper than \d+ levels\. Send one JSON object with a requestId and a task\.$/,
      );
    }
  });

  it("distinguishes a requestId that is repeated from one that is a long number", () => {
    const messageOf = (body: string) => readMessage(body).problem?.message ?? "";
    assert.match(messageOf('{"requestId":"a","requestId":"b"}'), /its requestId is given more than once/);
    assert.match(messageOf('{"requestId":12345678901234567890}'), /its requestId \d+ is not text/);
  });
});
