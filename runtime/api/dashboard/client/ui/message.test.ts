import assert from "node:assert/strict";
import { piecesOf } from "./message.js";

describe("messages of the API", () => {
  it("are split at pairs of backticks, and keep an unpaired backtick", () => {
    assert.deepEqual(piecesOf("Run `rates list`, then `rates show ID`."), [
      "Run ",
      "rates list",
      ", then ",
      "rates show ID",
      ".",
    ]);
    assert.deepEqual(piecesOf("a ` b"), ["a ` b"]);
    assert.deepEqual(piecesOf(""), [""]);
  });
});
