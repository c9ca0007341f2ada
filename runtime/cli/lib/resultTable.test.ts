import assert from "node:assert/strict";
import fc from "fast-check";
import stringWidth from "string-width";
import { cellText, resultLines } from "./resultTable.ts";

describe("results as tables", () => {
  it("align numbers right, and distinguish NULL, empty text and the text NULL", () => {
    const columns = ["day", "price", "note"];
    const rows = [
      ["2021-01-01", "1500.5", ""],
      ["2021-01-02", null, "NULL"],
      ["2021-01-03", "-7", null],
    ];
    assert.deepEqual(resultLines({ columns, rows }, 80), [
      "day          price  note",
      "2021-01-01  1500.5  ",
      '2021-01-02    NULL  "NULL"',
      "2021-01-03      -7  NULL",
    ]);
  });

  it("escape control characters, and count wide characters as two columns", () => {
    assert.equal(cellText("a\tb\r\nc\u001b[2J\u202e"), "a\\tb\\r\\nc\\x1b[2J\\u202e");
    const [head, first, second] = resultLines(
      { columns: ["city", "n"], rows: [["東京", "1"], ["Rome", "20"]] }, // biome-ignore format: a table
      80,
    );
    assert.deepEqual([head, first, second], ["city   n", "東京   1", "Rome  20"]);
  });

  it("are one block per row if wider than the terminal, with wrapped values beside their names", () => {
    const lines = resultLines(
      {
        columns: ["id", "description"],
        rows: [
          ["1", "x".repeat(50)],
          ["2", null],
        ],
      },
      40,
    );
    assert.match(lines[0] ?? "", /^─\[ 1 \]─/);
    assert.equal(lines[1], "id           1");
    assert.deepEqual(lines.slice(2, 4), [`description  ${"x".repeat(27)}`, `${" ".repeat(13)}${"x".repeat(23)}`]);
    assert.equal(lines.at(-1), "description  NULL");
  });

  it("never have a line wider than a terminal of at least 25 columns", () => {
    const cell = fc.option(fc.string({ unit: "grapheme", maxLength: 80 }), { nil: null });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
        fc.nat(100),
        (rows, nat) => {
          const columns = nat + 25;
          for (const line of resultLines({ columns: ["one", "two", "three"], rows }, columns))
            assert(stringWidth(line) <= columns, `${columns}: ${JSON.stringify(line)}`);
        },
      ),
    );
  });
});
