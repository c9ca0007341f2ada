import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { previewOf } from "./rows.ts";

/** Previews text in the given format, a CSV by default. */
const preview = (text: string, options: object = {}) =>
  previewOf(Buffer.from(text), { format: "csv", isGzip: false, isWhole: true, maxRows: 3, ...options });

describe("a result's preview", () => {
  it("has the header and first rows of a CSV; an empty cell is null, a quoted empty cell is text", async () => {
    assert.deepEqual(await preview('a,b\n1,"x,""y""\nz"\n,""\n'), {
      columns: ["a", "b"],
      rows: [
        ["1", 'x,"y"\nz'],
        [null, ""],
      ],
      more: false,
    });
    assert.deepEqual(await preview("a,b\n"), { columns: ["a", "b"], rows: [], more: false });
  });

  it("reports that the result has more rows, and shows no row that may be truncated", async () => {
    assert.deepEqual(await preview("a\n1\n2\n3\n4\n"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: true });
    assert.deepEqual(await preview("a\n1\n2\n3"), { columns: ["a"], rows: [["1"], ["2"], ["3"]], more: false });
    assert.deepEqual(await preview("a\n10\n20\n3", { isWhole: false }), {
      columns: ["a"],
      rows: [["10"], ["20"]],
      more: true,
    });
    assert.deepEqual((await preview('a\n10\n"2', { isWhole: false })).rows, [["10"]]);
  });

  it("reads NDJSON, with the columns of all lines", async () => {
    const text = '{"a":1,"b":null}\n{"a":2,"c":{"d":1}}\n';
    assert.deepEqual(await preview(text, { format: "ndjson" }), {
      columns: ["a", "b", "c"],
      rows: [
        ["1", null, null],
        ["2", null, '{"d":1}'],
      ],
      more: false,
    });
    assert.deepEqual((await preview(`${text}{"a":`, { format: "ndjson", isWhole: false })).rows.length, 2);
  });

  it("reads a JSON list, whole or truncated", async () => {
    const whole = '[{"a":1}\n,{"a":2}\n]';
    assert.deepEqual((await preview(whole, { format: "json" })).rows, [["1"], ["2"]]);
    assert.deepEqual(await preview("[]", { format: "json" }), { columns: [], rows: [], more: false });
    const cut = '[{"a":1}\n,{"a":2}\n,{"a"';
    assert.deepEqual(await preview(cut, { format: "json", isWhole: false }), {
      columns: ["a"],
      rows: [["1"], ["2"]],
      more: true,
    });
  });

  it("decompresses results, whole or truncated", async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => `${n},${(n * 7_919) % 10_007}`).join("\n");
    const packed = gzipSync(`n,m\n${rows}\n`);
    const options = { format: "csv", isGzip: true, maxRows: 2 } as const;
    const expected = {
      columns: ["n", "m"],
      rows: [
        ["0", "0"],
        ["1", "7919"],
      ],
      more: true,
    };
    assert.deepEqual(await previewOf(packed, { ...options, isWhole: true }), expected);
    assert.deepEqual(await previewOf(packed.subarray(0, 20_000), { ...options, isWhole: false }), expected);
  });

  const previewAs = (text: string, format: "csv" | "ndjson" | "json", options: object = {}) =>
    preview(text, { format, maxRows: 5, ...options });
  const cut = `${"x".repeat(1_000)}…`;

  it("keeps all digits of numbers, and both columns of a duplicate name", async () => {
    const row =
      '{"a":12345678901234567890,"b":1.10,"a":-0.0,"c":1e400,"d":{"e": 1.10},"e":"\\u00e9\\n\\"","f":[1.0,"]"]}';
    for (const [format, text] of [
      ["ndjson", `${row}\n`],
      ["json", `[${row}\n]`],
      ["json", ` [ ${row.replaceAll(":", " : ").replaceAll(",", " , ")} ] `.replace(" , ]", "]")],
    ] as const) {
      const { columns, rows } = await previewAs(text, format);
      assert.deepEqual(columns, ["a", "b", "a", "c", "d", "e", "f"]);
      assert.deepEqual(rows[0]?.slice(0, 4), ["12345678901234567890", "1.10", "-0.0", "1e400"]);
      assert.equal(rows[0]?.[5], 'é\n"');
    }
    assert.deepEqual(await previewAs("a,a\n1,2\n", "csv"), { columns: ["a", "a"], rows: [["1", "2"]], more: false });
  });

  it("truncates long cells in every format, and long column names", async () => {
    const long = "x".repeat(300_000);
    for (const [format, text] of [
      ["csv", `a,b\n"${long}",1\n`],
      ["csv", `a,b\n${long},1\n`],
      ["ndjson", `{"a":"${long}","b":1}\n`],
      ["json", `[{"a":"${long}","b":1}]`],
    ] as const)
      assert.deepEqual(await previewAs(text, format), { columns: ["a", "b"], rows: [[cut, "1"]], more: false });
    const { columns } = await previewAs(`${long}\n1\n`, "csv");
    assert.deepEqual(columns, [cut]);
  });

  it("shows the beginning of a row that is longer than what is read", async () => {
    const long = "x".repeat(3_000_000);
    const expected = { columns: ["a", "b"], rows: [[cut, "…"]], more: true };
    assert.deepEqual(await previewAs(`a,b\n"${long}",1\n`, "csv"), expected);
    assert.deepEqual(await previewAs(`a,b\n"${long.slice(0, 60_000)}`, "csv", { isWhole: false }), expected);
    const packed = gzipSync(`a,b\n"${"x".repeat(60_000_000)}",1\n`);
    assert.deepEqual(await previewOf(packed, { format: "csv", isGzip: true, isWhole: true, maxRows: 5 }), expected);
    assert.deepEqual((await previewAs(`{"a":"${long}","b":1}`, "ndjson")).rows, [[cut]]);
  });

  it("accepts hundreds of thousands of brackets, quotes and levels", async () => {
    const none = { columns: [], rows: [], more: false };
    for (const text of [
      "]".repeat(150_000),
      "[".repeat(500_000),
      '"'.repeat(99_999),
      "\\".repeat(99_999),
      "{".repeat(99_999),
    ])
      for (const format of ["ndjson", "json"] as const) assert.deepEqual((await previewAs(text, format)).columns, []);
    assert.deepEqual(await previewAs("]".repeat(150_000), "json"), none);
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    assert.equal((await previewAs(`{"a":${deep}}\n{"a":1}\n`, "ndjson")).rows[1]?.[0], "1");
    assert.equal((await previewAs(`a\n${'"'.repeat(500_001)}`, "csv")).columns[0], "a");
    assert.equal((await previewAs(`{"a"${" ".repeat(500_000)}`, "json")).rows.length, 1);
  });

  it("omits columns beyond the maximum, and returns their number", async () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
    const wide = await previewAs(`${names.join(",")}\n${names.map(() => "1").join(",")}\n`, "csv");
    assert.deepEqual([wide.columns.length, wide.rows[0]?.length, wide.furtherColumns], [200, 200, 4_800]);
    const object = JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])));
    assert.equal((await previewAs(object, "ndjson")).furtherColumns, 4_800);
  });

  it("reads damaged data as far as it can be decompressed", async () => {
    const packed = gzipSync("a\n1\n");
    const options = { format: "csv", isGzip: true, isWhole: true, maxRows: 5 } as const;
    assert.deepEqual((await previewOf(Buffer.from("no gzip"), options)).rows, []);
    assert.deepEqual((await previewOf(packed.subarray(0, -6), options)).columns, ["a"]);
    assert.deepEqual((await previewOf(Buffer.alloc(0), options)).columns, []);
  });
});
