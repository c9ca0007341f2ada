import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { quoteForShell } from "./shellQuote.ts";

describe("quoteForShell", () => {
  for (const text of ["", "plain", "it's", '$HOME `id` \\ "x"', "two\nlines", "''"])
    it(`makes one word of ${JSON.stringify(text)}`, () => {
      const output = execFileSync("sh", ["-c", `printf '%s|' ${quoteForShell(text)}`], { encoding: "utf8" });
      assert.equal(output, `${text}|`);
    });
});
