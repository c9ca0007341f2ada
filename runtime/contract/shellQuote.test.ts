import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { quoteForShell, shellWord } from "./shellQuote.ts";

describe("quoteForShell", () => {
  for (const text of ["", "plain", "it's", '$HOME `id` \\ "x"', "two\nlines", "''"])
    it(`makes one word of ${JSON.stringify(text)}`, () => {
      const output = execFileSync("sh", ["-c", `printf '%s|' ${quoteForShell(text)}`], { encoding: "utf8" });
      assert.equal(output, `${text}|`);
    });
});

describe("shellWord", () => {
  it("quotes a text only if a shell would interpret it", () => {
    assert.deepEqual(["--since", "2h", "a=b,c", "it's", "", "$x", "=ls"].map(shellWord), [
      "--since",
      "2h",
      "a=b,c",
      "'it'\\''s'",
      "''",
      "'$x'",
      "'=ls'",
    ]);
  });
});
