import assert from "node:assert/strict";
import { topLevelOf } from "./topLevel.ts";

const read = (text: string) => {
  const { values, uncertain } = topLevelOf(text, ["requestId", "tenant"]);
  return uncertain.size > 0 ? [...uncertain].sort().join() : { ...values };
};

describe("the top level of a text that is not JSON", () => {
  it("reads complete values of the top-level object only", () => {
    assert.deepEqual(read('{"requestId": "a", "tenant":"t", "task": {"ty'), { requestId: "a", tenant: "t" });
    assert.deepEqual(read('{"labels":{"requestId":"OTHER"},"requestId":"a","x":'), { requestId: "a" });
    assert.deepEqual(read('{"labels":{"requestId":"OTHER"},"task":{"type'), {});
    assert.deepEqual(read('{"labels":[{"requestId":"OTHER"},[]],"a":{},"b":[1,-2.5e3,true,null],"requestId":"a"'), {
      requestId: "a",
    });
    assert.deepEqual(read('{"a":"\\"requestId\\":\\"OTHER\\"","b":1'), {});
    assert.deepEqual(read('{"\\u0072equestId":"a","b":'), { requestId: "a" });
    assert.deepEqual(read('[{"requestId":"OTHER"'), "requestId");
    assert.deepEqual(read('"requestId":"OTHER"'), "requestId");
    assert.deepEqual(read(""), {});
  });

  it("is uncertain about a name that is repeated, or whose value is cut off or not text", () => {
    for (const text of [
      '{"requestId":"a',
      '{"requestId":',
      '{"requestId"',
      '{"requestId":{"a":1},"b":',
      '{"requestId":7,"b":',
      '{"requestId":"a","requestId":"b","c":',
      '{"requestId":"a","\\u0072equestId":"b","c":',
      '{"requestId":"\\x","b":',
    ])
      assert.equal(read(text), "requestId", text);
  });

  it("is uncertain about names after a syntax error", () => {
    for (const text of [
      '{"requestId":"a", oops, "requestId":"b"}',
      '{"a":"x, "requestId":"b"}',
      '{"requestId":"a"}{"requestId":"b"}',
      '{"requestId":"a"}} {"request\\u0049d":"b"}',
      `{"a":[1,],"requestId":"b"}`,
      `{"a":1,},"requestId":"b"}`,
      `{"a" 1,"requestId":"b"}`,
      `{"a":01,"requestId":"b"}`,
      `{'requestId':'b'}`,
      '{"a":"\n","requestId":"b"}',
    ])
      assert.match(String(read(text)), /requestId/, text);
    assert.deepEqual(read('{"requestId":"a","b":1} trailing'), { requestId: "a" });
    assert.deepEqual(read('{"requestId":"a","b":"what is cut off may say requestId'), { requestId: "a" });
  });

  it("reads texts of a million characters, even if they are deeply nested", () => {
    const size = 1_000_000;
    for (const filler of ["[", '{"a":', '"', "\\", "1", " ", '"a",', "a"])
      assert.doesNotThrow(() => read(`{"requestId":"a","b":${filler.repeat(size / filler.length)}`), filler);
    assert.deepEqual(read(`{"requestId":"a","b":"${"x".repeat(size)}`), { requestId: "a" });
  });
});
