import assert from "node:assert/strict";
import { readBody, readBodyBytes } from "./body.ts";
import { INPUT } from "./inputLimits.ts";

describe("a request body", () => {
  it("is parsed only if it is JSON in UTF-8, with or without a byte order mark", () => {
    for (const bytes of [Buffer.from([0x22, 0xff, 0x22]), Buffer.from("{"), Buffer.from("")])
      assert.throws(() => readBodyBytes(bytes), { code: "UnreadableMessage" });
    assert.equal(readBodyBytes(Buffer.from('"ü"')).value, "ü");
    assert.deepEqual(readBodyBytes(Buffer.from('\uFEFF{"a":1}')).value, { a: 1 });
  });

  it("is read with a problem for each duplicate field", () => {
    const { isParsed, problems } = readBody('{"a":1,"a":2}');
    assert.deepEqual([isParsed, problems.map(({ field }) => field)], [true, ["a"]]);
  });

  for (const [defect, text] of Object.entries({
    "nested too deeply": `{"a":${"[".repeat(INPUT.levels)}${"]".repeat(INPUT.levels)}}`,
    "an object with too many fields": `{${Array.from({ length: INPUT.fields + 1 }, (_, n) => `"f${n}":1`).join(",")}}`,
    "a list with too many objects": `[${new Array(3).fill(`[${new Array(INPUT.items).fill("{}").join(",")}]`).join(",")}]`,
    "an object with a list of too many items": `{"a":[${new Array(INPUT.items + 1).fill(1).join(",")}]}`,
  }))
    it(`is refused without parsing if it is ${defect}`, () => {
      const parse = JSON.parse;
      let parseCalls = 0;
      JSON.parse = (...args) => {
        parseCalls++;
        return parse(...args);
      };
      try {
        for (const body of [readBody(text), readBodyBytes(Buffer.from(text))]) {
          assert.deepEqual([body.isParsed, body.value, body.problems.length], [false, undefined, 1]);
          assert.equal(body.problems[0]?.field, "request");
        }
        assert.equal(parseCalls, 0);
      } finally {
        JSON.parse = parse;
      }
    });
});
