import assert from "node:assert/strict";
import fc from "fast-check";
import { readJson } from "./json.ts";
import { redactName } from "./problemList.ts";

const problemFields = (text: string) => readJson(text).problems.map(({ field }) => field);

describe("reading JSON", () => {
  it("reports every repeated name with its path, even if it is written with escapes", () => {
    assert.deepEqual(problemFields('{"a":1,"b":{"c":[{"d":1},{"d":1,"e":{},"d":2}]},"\\u0061":3}'), ["b.c.1.d", "a"]);
    assert.deepEqual(problemFields('{"x\\"":1,"x\\"":2,"\\\\":[","],"\\\\":{}}'), ['x"', "\\"]);
    assert.deepEqual(problemFields('{"__proto__":1,"__proto__":2,"toString":3}'), ["__proto__"]);
  });

  it("reports only numbers that are rounded to integers", () => {
    const reportedValues = (numbers: string[]) =>
      readJson(`{"a":[${numbers.join(" , ")}]}`).problems.map(({ value }) => value);
    const rounded = [
      "1500.00000000000000001",
      "2147483647.0000000001",
      "12345678901234567890",
      "1e400",
      "-1e-400",
      "0.99999999999999999999",
      "9007199254740993",
    ];
    assert.deepEqual(reportedValues(rounded), rounded);
    const exact = [
      "1500",
      "1500.0",
      "15e2",
      "-0",
      "0.0",
      "1e21",
      "0.1",
      "0.10000000000000001",
      "1.5",
      "9007199254740992",
      "1E+2",
      "150e-1",
    ];
    assert.deepEqual(reportedValues(exact), []);
    assert.deepEqual(problemFields('{"task":{"items":[{"price":1},{"price":1.00000000000000000001}]}}'), [
      "task.items.1.price",
    ]);
    assert.equal(
      readJson('{"price":1.00000000000000000001}').problems[0]?.message,
      "would be rounded to 1. Send a number of at most 15 digits.",
    );
  });

  it("accepts a byte order mark at the beginning, and nowhere else", () => {
    assert.deepEqual(readJson('\uFEFF{"a":1}').value, { a: 1 });
    assert.throws(() => readJson("\uFEFF\uFEFF{}"), SyntaxError);
  });

  it("reads the output of JSON.stringify for any value, and reports nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const { value: read, problems } = readJson(text);
        assert.deepEqual([read, problems.total], [JSON.parse(text), 0]);
      }),
    );
  });

  it("reports a repeated name at any position", () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(object, fc.nat(), (value, pick) => {
        const names = Object.keys(value);
        const name = names[pick % names.length] ?? "";
        const text = `[${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}:null}]`;
        assert.deepEqual(problemFields(text), [`0.${redactName(name)}`]);
      }),
    );
  });

  it("handles 200,000 levels, and counts 50,000 repeated names", () => {
    assert.deepEqual(problemFields(`${"[".repeat(200_000)}${"]".repeat(200_000)}`), []);
    const { problems } = readJson(`{${'"a":1,'.repeat(50_000)}"a":1}`);
    assert.deepEqual([problems.length, problems.unlisted], [100, 49_900]);
  });

  it("throws errors without excerpts of the text, which may contain a signed URL", () => {
    for (const text of [
      '{"url":"https://h/p?sig=SECRET" x',
      "SECRET",
      '"SECRET',
      '{"a":SECRET}',
      '["SECRET" "SECRET"]',
    ])
      assert.throws(
        () => readJson(text),
        (error: Error) => error instanceof SyntaxError && !/SECRET/.test(error.message),
      );
  });
});
