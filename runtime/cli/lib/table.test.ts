import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import stringWidth from "string-width";
import { table, truncateToWidth } from "./table.ts";

describe("tables", () => {
  const head = ["STATUS", "ID", "WHAT"];
  const rows = [
    ["SUCCEEDED", "a".repeat(60), "x".repeat(200)],
    ["FAILED", "short", "line\nbreak"],
  ];

  it("fit the terminal by shortening the widest cells first", () => {
    for (const columns of [60, 80, 120]) {
      const lines = table(head, rows, columns).split("\n");
      assert.equal(lines.length, 3);
      for (const line of lines) assert(line.length <= columns, `${line.length} > ${columns}: ${line}`);
      assert(lines[1]?.startsWith("SUCCEEDED  aaaa"));
      assert.match(lines[1] ?? "", /…$/);
    }
    assert.match(table(head, rows, Number.POSITIVE_INFINITY), /x{200}/);
  });

  it("keep ids complete as long as other columns can be shortened or omitted", () => {
    const id = "a".repeat(60);
    assert(table(head, rows, 90, { keep: [1] }).includes(id));
    assert(!table(head, rows, 90).includes(id));
    assert(table(head, rows, 72, { keep: [1] }).includes(id), "the last column is omitted instead");
    assert(!table(head, rows, 72, { keep: [1] }).includes("WHAT"));
    assert(!table(head, rows, 40, { keep: [1] }).includes(id));
    const [, line = ""] = table(["STATUS", "ID", "CREATED"], [["FAILED", id, "2026-11-25 08:33"]], 72, {
      keep: [0, 1, 2],
    }).split("\n");
    assert.equal(line, `FAILED  ${id}`, "the last kept column is omitted instead");
  });

  it("shorten a long id only after omitting the columns after it", () => {
    const id = `load-prices-${"0123456789abcdef".repeat(2)}.retry-1`;
    const row = ["SUCCEEDED", id, "11-30 00:04", "10 ms"];
    const [head = "", line = ""] = table(["STATUS", "ID", "CREATED", "TOOK"], [row], 60, { keep: [0, 1, 2] }).split(
      "\n",
    );
    assert.equal(line, `SUCCEEDED  ${id.slice(0, 48)}…`);
    assert.equal(head.trimEnd(), "STATUS     ID");
  });

  it("count wide characters as two columns, and never split one", () => {
    const wide = [["東京から上海まで", "👨‍👩‍👧‍👦 family", "é"]];
    for (let columns = 1; columns < 40; columns++)
      for (const line of table(["A", "B", "C"], wide, columns).split("\n"))
        assert(stringWidth(line) <= columns, `${columns}: ${line}`);
    const [, line = ""] = table(["A", "B"], [["東京", "x"]], 80).split("\n");
    assert.equal(line, "東京  x");
  });

  it("never wrap, for any content", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 4, maxLength: 4 }), { maxLength: 5 }),
        fc.nat(100),
        (all, nat) => {
          const columns = nat + 1;
          for (const line of table(["ONE", "TWO", "THREE", "FOUR"], all, columns).split("\n"))
            assert(stringWidth(line) <= columns, `${columns}: ${JSON.stringify(line)}`);
        },
      ),
    );
  });

  it("align numbers right", () => {
    const lines = table(
      ["N", "WHAT"],
      [
        ["5", "a"],
        ["1,000", "b"],
      ],
      80,
      { right: [0] },
    ).split("\n");
    assert.deepEqual(lines, ["    N  WHAT", "    5  a", "1,000  b"]);
  });

  it("truncate coloured text by visible columns, and reset the colour", () => {
    const red = `\u001b[31mFAILED\u001b[39m and what else was said`;
    const cut = truncateToWidth(red, 10);
    assert.equal(stripVTControlCharacters(cut), "FAILED an…");
    assert(cut.includes("\u001b[39m"));
    assert.equal(stripVTControlCharacters(truncateToWidth(red, 4)), "FAI…");
    assert(truncateToWidth(red, 4).endsWith("\u001b[39m"));
    assert.equal(truncateToWidth("abc", 0), "");
  });
});
