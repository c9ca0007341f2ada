import assert from "node:assert/strict";
import { matchesEtag } from "./etag.ts";

describe("If-None-Match", () => {
  it("names a tag alone, among several, weak, or as any", () => {
    for (const header of ['"x"', 'W/"x"', '"a", "x"', '"a",W/"x" , "b"', "*", " * "])
      assert.ok(matchesEtag(header, '"x"'), header);
  });

  it("does not name it where a list or a quoted text merely holds it", () => {
    for (const header of ['"a,*,b"', '"a", *', "x", '"ax"', "", undefined, '"x'])
      assert.ok(!matchesEtag(header, '"x"'), String(header));
  });
});
