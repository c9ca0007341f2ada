import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { previewOf } from "./rows.ts";

const csv = (text: string, change: object = {}) =>
  previewOf(Buffer.from(text), { format: "csv", gzip: false, whole: true, rows: 3, ...change });

describe("a result's preview", () => {
  it("has a CSV's header and first rows; empty is null, quoted and empty is text", async () => {
    assert.deepEqual(await csv('a,b\n1,"x,""y""\nz"\n,""\n'), {
      columns: ["a", "b"],
      rows: [
        ["1", 'x,"y"\nz'],
        [null, ""],
      ],
      more: false,
    });
    assert.deepEqual(await csv("a,b\n"), { columns: ["a", "b"], rows: [], more: false });
  });

  it("says that there is more, and shows no row that may be truncated", async () => {
    assert.deepEqual(await csv("a\n1\n2\n3\n4\n"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: true });
    assert.deepEqual(await csv("a\n1\n2\n3"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: false });
    assert.deepEqual(await csv("a\n10\n20\n3", { whole: false }), {
      columns: ["a"],
      rows: [["10"], ["20"]],
      more: true,
    });
    assert.deepEqual((await csv('a\n10\n"2', { whole: false })).rows, [["10"]]);
  });

  it("reads lines of JSON, with the columns of all of them", async () => {
    const text = '{"a":1,"b":null}\n{"a":2,"c":{"d":1}}\n';
    assert.deepEqual(await csv(text, { format: "ndjson" }), {
      columns: ["a", "b", "c"],
      rows: [
        ["1", null, null],
        ["2", null, '{"d":1}'],
      ],
      more: false,
    });
    assert.deepEqual((await csv(`${text}{"a":`, { format: "ndjson", whole: false })).rows.length, 2);
  });

  it("reads a JSON list, whole or truncated", async () => {
    const whole = '[{"a":1}\n,{"a":2}\n]';
    assert.deepEqual((await csv(whole, { format: "json" })).rows, [["1"], ["2"]]);
    assert.deepEqual(await csv("[]", { format: "json" }), { columns: [], rows: [], more: false });
    const cut = '[{"a":1}\n,{"a":2}\n,{"a"';
    assert.deepEqual(await csv(cut, { format: "json", whole: false }), {
      columns: ["a"],
      rows: [["1"], ["2"]],
      more: true,
    });
  });

  it("decompresses results, whole or truncated", async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => `${n},${(n * 7_919) % 10_007}`).join("\n");
    const packed = gzipSync(`n,m\n${rows}\n`);
    const wanted = { format: "csv", gzip: true, rows: 2 } as const;
    const expected = {
      columns: ["n", "m"],
      rows: [
        ["0", "0"],
        ["1", "7919"],
      ],
      more: true,
    };
    assert.deepEqual(await previewOf(packed, { ...wanted, whole: true }), expected);
    assert.deepEqual(await previewOf(packed.subarray(0, 20_000), { ...wanted, whole: false }), expected);
  });

  const look = (text: string, format: "csv" | "ndjson" | "json", more: object = {}) =>
    previewOf(Buffer.from(text), { format, gzip: false, whole: true, rows: 5, ...more });
  const cut = `${"x".repeat(1_000)}…`;

  it("shows numbers digit for digit, and both of two columns with one name", async () => {
    const row =
      '{"a":12345678901234567890,"b":1.10,"a":-0.0,"c":1e400,"d":{"e": 1.10},"e":"\\u00e9\\n\\"","f":[1.0,"]"]}';
    for (const [format, text] of [
      ["ndjson", `${row}\n`],
      ["json", `[${row}\n]`],
      ["json", ` [ ${row.replaceAll(":", " : ").replaceAll(",", " , ")} ] `.replace(" , ]", "]")],
    ] as const) {
      const { columns, rows } = await look(text, format);
      assert.deepEqual(columns, ["a", "b", "a", "c", "d", "e", "f"]);
      assert.deepEqual(rows[0]?.slice(0, 4), ["12345678901234567890", "1.10", "-0.0", "1e400"]);
      assert.equal(rows[0]?.[5], 'é\n"');
    }
    assert.deepEqual(await look("a,a\n1,2\n", "csv"), { columns: ["a", "a"], rows: [["1", "2"]], more: false });
  });

  it("truncates cells, whatever surrounds them", async () => {
    const long = "x".repeat(300_000);
    for (const [format, text] of [
      ["csv", `a,b\n"${long}",1\n`],
      ["csv", `a,b\n${long},1\n`],
      ["ndjson", `{"a":"${long}","b":1}\n`],
      ["json", `[{"a":"${long}","b":1}]`],
    ] as const)
      assert.deepEqual(await look(text, format), { columns: ["a", "b"], rows: [[cut, "1"]], more: false });
    const { columns } = await look(`${long}\n1\n`, "csv");
    assert.deepEqual(columns, [cut]);
  });

  it("shows the beginning of a row that is longer than what is read", async () => {
    const long = "x".repeat(3_000_000);
    const expected = { columns: ["a", "b"], rows: [[cut, "…"]], more: true };
    assert.deepEqual(await look(`a,b\n"${long}",1\n`, "csv"), expected);
    assert.deepEqual(await look(`a,b\n"${long.slice(0, 60_000)}`, "csv", { whole: false }), expected);
    const packed = gzipSync(`a,b\n"${"x".repeat(60_000_000)}",1\n`);
    assert.deepEqual(await previewOf(packed, { format: "csv", gzip: true, whole: true, rows: 5 }), expected);
    assert.deepEqual((await look(`{"a":"${long}","b":1}`, "ndjson")).rows, [[cut]]);
  });

  it("accepts any number of brackets and quotes, and any depth", async () => {
    const none = { columns: [], rows: [], more: false };
    for (const text of [
      "]".repeat(150_000),
      "[".repeat(500_000),
      '"'.repeat(99_999),
      "\\".repeat(99_999),
      "{".repeat(99_999),
    ])
      for (const format of ["ndjson", "json"] as const) assert.deepEqual((await look(text, format)).columns, []);
    assert.deepEqual(await look("]".repeat(150_000), "json"), none);
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    assert.equal((await look(`{"a":${deep}}\n{"a":1}\n`, "ndjson")).rows[1]?.[0], "1");
    assert.equal((await look(`a\n${'"'.repeat(500_001)}`, "csv")).columns[0], "a");
    assert.equal((await look(`{"a"${" ".repeat(500_000)}`, "json")).rows.length, 1);
  });

  it("omits columns beyond the maximum, and returns their number", async () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
    const wide = await look(`${names.join(",")}\n${names.map(() => "1").join(",")}\n`, "csv");
    assert.deepEqual([wide.columns.length, wide.rows[0]?.length, wide.furtherColumns], [200, 200, 4_800]);
    const object = JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])));
    assert.equal((await look(object, "ndjson")).furtherColumns, 4_800);
  });

  it("reads damaged data as far as it can be decompressed", async () => {
    const packed = gzipSync("a\n1\n");
    const piece = { format: "csv", gzip: true, whole: true, rows: 5 } as const;
    assert.deepEqual((await previewOf(Buffer.from("no gzip"), piece)).rows, []);
    assert.deepEqual((await previewOf(packed.subarray(0, -6), piece)).columns, ["a"]);
    assert.deepEqual((await previewOf(Buffer.alloc(0), piece)).columns, []);
  });
});
