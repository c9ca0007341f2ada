import assert from "node:assert/strict";
import { topLevelOf } from "./topLevel.ts";

const found = (text: string) => {
  const { values, uncertain } = topLevelOf(text, ["requestId", "tenant"]);
  return uncertain.size > 0 ? [...uncertain].sort().join() : { ...values };
};

describe("the top level of a text that is not JSON", () => {
  it("reads complete values of the top-level object only", () => {
    assert.deepEqual(found('{"requestId": "a", "tenant":"t", "task": {"ty'), { requestId: "a", tenant: "t" });
    assert.deepEqual(found('{"labels":{"requestId":"OTHER"},"requestId":"a","x":'), { requestId: "a" });
    assert.deepEqual(found('{"labels":{"requestId":"OTHER"},"task":{"type'), {});
    assert.deepEqual(found('{"labels":[{"requestId":"OTHER"},[]],"a":{},"b":[1,-2.5e3,true,null],"requestId":"a"'), {
      requestId: "a",
    });
    assert.deepEqual(found('{"a":"\\"requestId\\":\\"OTHER\\"","b":1'), {});
    assert.deepEqual(found('{"\\u0072equestId":"a","b":'), { requestId: "a" });
    assert.deepEqual(found('[{"requestId":"OTHER"'), "requestId");
    assert.deepEqual(found('"requestId":"OTHER"'), "requestId");
    assert.deepEqual(found(""), {});
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
      assert.equal(found(text), "requestId", text);
  });

  it("is uncertain about names that may follow a syntax error", () => {
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
      assert.match(String(found(text)), /requestId/, text);
    assert.deepEqual(found('{"requestId":"a","b":1} trailing'), { requestId: "a" });
    assert.deepEqual(found('{"requestId":"a","b":"what is cut off may say requestId'), { requestId: "a" });
  });

  it("reads text of any depth, and as long as a message can be", () => {
    const size = 1_000_000;
    for (const filler of ["[", '{"a":', '"', "\\", "1", " ", '"a",', "a"])
      assert.doesNotThrow(() => found(`{"requestId":"a","b":${filler.repeat(size / filler.length)}`), filler);
    assert.deepEqual(found(`{"requestId":"a","b":"${"x".repeat(size)}`), { requestId: "a" });
  });
});
