import assert from "node:assert/strict";
import { INPUT } from "./inputLimits.ts";
import { textShapeProblem } from "./inspect.ts";

const fields = (count: number) => `{${Array.from({ length: count }, (_, n) => `"f${n}":1`).join(",")}}`;
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("the shape of a text of JSON", () => {
  it("has maximums of levels, fields, and objects and lists", () => {
    assert.equal(textShapeProblem(nested(INPUT.levels)), undefined);
    assert.match(textShapeProblem(nested(INPUT.levels + 1)) ?? "", /nested deeper than 64 levels/);
    assert.equal(textShapeProblem(fields(INPUT.fields)), undefined);
    assert.match(textShapeProblem(fields(INPUT.fields + 1)) ?? "", /more than 10,000 fields/);
    assert.equal(textShapeProblem(`[${new Array(INPUT.containers - 1).fill("{}").join(",")}]`), undefined);
    assert.match(
      textShapeProblem(`[${new Array(INPUT.containers).fill("{}").join(",")}]`) ?? "",
      /more than 100,000 objects and lists/,
    );
  });

  it("counts the items of no list, which the schema does", () => {
    assert.equal(textShapeProblem(`[${new Array(500_000).fill(1).join(",")}]`), undefined);
  });

  it("counts nothing in strings", () => {
    assert.equal(textShapeProblem(JSON.stringify(['[{,"\\'.repeat(50_000), '\\"{'])), undefined);
  });

  it("leaves text that is not JSON to the parser", () => {
    for (const text of ["", "]]}}", '"open', '{"a\\"', ",,,"]) assert.equal(textShapeProblem(text), undefined);
  });
});
