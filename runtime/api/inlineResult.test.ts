import assert from "node:assert/strict";
import { inlineResult } from "./inlineResult.ts";

describe("the inline result of a response", () => {
  const body = (inline: string) =>
    `{"responseId" : "r", "requestId" : "{\\"result\\":1}", "result" : {"inline":${inline},"format":"json","rows":1}, "stats" : {"rows" : 1}}`;

  for (const inline of [
    '[{"n":12345678901234567890.10,"n":2}]',
    '[{"nul":"\\u0000","half":"\\ud800","big":1e200000}]',
    "[]",
    "{}",
    '[{"inline":"}","result":{"inline":1}}]',
  ])
    it(`is JSON as written: ${inline}`, () => assert.equal(inlineResult(body(inline)), inline));

  it("is the decoded text in other formats", () => {
    assert.equal(inlineResult(body(JSON.stringify('a,"b"\n\\u0000\n'))), 'a,"b"\n\\u0000\n');
    assert.equal(inlineResult(body('""')), "");
  });

  it("is undefined if there is none", () => {
    for (const response of [null, "{}", '{"result" : null}', '{"result" : {"location":"s3://b/k"}}', '{"error" : {}}'])
      assert.equal(inlineResult(response), undefined);
  });
});
