import assert from "node:assert/strict";
import { matchesEtag } from "./etag.ts";

describe("If-None-Match", () => {
  it("matches an ETag alone, in a list, weak, or as *", () => {
    for (const header of ['"x"', 'W/"x"', '"a", "x"', '"a",W/"x" , "b"', "*", " * "])
      assert.ok(matchesEtag(header, '"x"'), header);
  });

  it("does not match another or an unquoted tag, or a * in a list or in quotes", () => {
    for (const header of ['"a,*,b"', '"a", *', "x", '"ax"', "", undefined, '"x'])
      assert.ok(!matchesEtag(header, '"x"'), String(header));
  });
});
