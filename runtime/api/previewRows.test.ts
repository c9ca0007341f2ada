import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { previewOf } from "./previewRows.ts";

const csv = (text: string, change: object = {}) =>
  previewOf(Buffer.from(text), { format: "csv", gzip: false, whole: true, rows: 3, ...change });

describe("a result's preview", () => {
  it("is a CSV's header and its first rows; what is empty is null, what is quoted and empty is text", () => {
    assert.deepEqual(csv('a,b\n1,"x,""y""\nz"\n,""\n'), {
      columns: ["a", "b"],
      rows: [
        ["1", 'x,"y"\nz'],
        [null, ""],
      ],
      more: false,
    });
    assert.deepEqual(csv("a,b\n"), { columns: ["a", "b"], rows: [], more: false });
  });

  it("says that there is more, and shows no row of which the end may be missing", () => {
    assert.deepEqual(csv("a\n1\n2\n3\n4\n"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: true });
    assert.deepEqual(csv("a\n1\n2\n3"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: false });
    assert.deepEqual(csv("a\n10\n20\n3", { whole: false }), { columns: ["a"], rows: [["10"], ["20"]], more: true });
    assert.deepEqual(csv('a\n10\n"2', { whole: false }).rows, [["10"]]);
  });

  it("reads lines of JSON, with all the columns that there are", () => {
    const text = '{"a":1,"b":null}\n{"a":2,"c":{"d":1}}\n';
    assert.deepEqual(csv(text, { format: "ndjson" }), {
      columns: ["a", "b", "c"],
      rows: [
        ["1", null, null],
        ["2", null, '{"d":1}'],
      ],
      more: false,
    });
    assert.deepEqual(csv(`${text}{"a":`, { format: "ndjson", whole: false }).rows.length, 2);
  });

  it("reads a JSON list, whole or cut off", () => {
    const whole = '[{"a":1}\n,{"a":2}\n]';
    assert.deepEqual(csv(whole, { format: "json" }).rows, [["1"], ["2"]]);
    assert.deepEqual(csv("[]", { format: "json" }), { columns: [], rows: [], more: false });
    const cut = '[{"a":1}\n,{"a":2}\n,{"a"';
    assert.deepEqual(csv(cut, { format: "json", whole: false }), { columns: ["a"], rows: [["1"], ["2"]], more: true });
  });

  it("unpacks what is packed, and the beginning of what is packed", () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => `${n},${(n * 7_919) % 10_007}`).join("\n");
    const packed = gzipSync(`n,m\n${rows}\n`);
    const look = { format: "csv", gzip: true, rows: 2 } as const;
    const expected = {
      columns: ["n", "m"],
      rows: [
        ["0", "0"],
        ["1", "7919"],
      ],
      more: true,
    };
    assert.deepEqual(previewOf(packed, { ...look, whole: true }), expected);
    assert.deepEqual(previewOf(packed.subarray(0, 20_000), { ...look, whole: false }), expected);
  });
});
