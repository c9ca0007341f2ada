import assert from "node:assert/strict";
import { INPUT } from "./inputLimits.ts";
import { textShapeProblem } from "./inspect.ts";

const fields = (count: number) => `{${Array.from({ length: count }, (_, n) => `"f${n}":1`).join(",")}}`;
const list = (count: number, item = "1") => `[${new Array(count).fill(item).join(",")}]`;
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("textShapeProblem", () => {
  it("limits levels, fields, and objects and lists", () => {
    assert.equal(textShapeProblem(nested(INPUT.levels)), undefined);
    assert.match(textShapeProblem(nested(INPUT.levels + 1)) ?? "", /nested deeper than 64 levels/);
    assert.equal(textShapeProblem(fields(INPUT.fields)), undefined);
    assert.match(textShapeProblem(fields(INPUT.fields + 1)) ?? "", /more than 10,000 fields/);
    // A list, and lists of a thousand objects each.
    const containers = (count: number) => {
      const lists = Array.from({ length: Math.floor((count - 1) / 1_001) }, () => list(1_000, "{}"));
      const rest = count - 1 - lists.length * 1_001;
      return `[${[...lists, ...new Array(rest).fill("{}")].join(",")}]`;
    };
    assert.equal(textShapeProblem(containers(INPUT.containers)), undefined);
    assert.match(textShapeProblem(containers(INPUT.containers + 1)) ?? "", /more than 100,000 objects and lists/);
  });

  it("limits the items of each list", () => {
    assert.equal(textShapeProblem(list(INPUT.items)), undefined);
    assert.match(textShapeProblem(`{"a":${list(INPUT.items + 1)}}`) ?? "", /list with more than 50,000 items/);
    assert.equal(textShapeProblem(`[${list(30_000)},${list(30_000)}]`), undefined);
  });

  it("ignores the contents of strings", () => {
    assert.equal(textShapeProblem(JSON.stringify(['[{,"\\'.repeat(50_000), '\\"{'])), undefined);
  });

  it("leaves text that is not JSON to the parser", () => {
    for (const text of ["", "]]}}", '"open', '{"a\\"', ",,,"]) assert.equal(textShapeProblem(text), undefined);
  });
});
