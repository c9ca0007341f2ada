import assert from "node:assert/strict";
import { decimalsOf, isNumeric, numberText, sorted } from "./cells.js";
import { dayColumnOf, seriesOf } from "./dayChart.js";
import { formatSql } from "./sql.js";

describe("a result's cells", () => {
  it("are numbers if all values of the column are; codes with a leading zero are not", () => {
    assert.ok(isNumeric(["1", null, "-2.50", "3e5"]));
    for (const values of [["1", "x"], ["007"], [null], ["1,000"], [""]]) assert.ok(!isNumeric(values), String(values));
  });
  it("have separators and the column's decimals; integers keep every digit", () => {
    assert.equal(decimalsOf(["1377.3333333", "2", null]), 2);
    assert.equal(decimalsOf(["0.00123456", "-0.5"]), 4);
    assert.equal(numberText("1377.3333333", 2), "1,377.33");
    assert.equal(numberText("1384", 2), "1,384.00");
    assert.equal(numberText("-12345678901234567890", 0), "-12,345,678,901,234,567,890");
    assert.equal(numberText("999", 0), "999");
  });
  it("are sorted by value with nulls last in both directions, and unchanged without a sort", () => {
    const rows = [["10"], [null], ["9"], ["100"]];
    const order = (isDescending: boolean) =>
      sorted(rows, { column: 0, isDescending }, () => true).map(([cell]) => cell);
    assert.deepEqual(order(false), ["9", "10", "100", null]);
    assert.deepEqual(order(true), ["100", "10", "9", null]);
    assert.deepEqual(
      sorted(rows, { column: 0, isDescending: false }, () => false).map(([cell]) => cell),
      ["10", "100", "9", null],
    );
    assert.equal(
      sorted(rows, undefined, () => true),
      rows,
    );
  });
});

describe("the chart of a result", () => {
  const preview = (columns: string[], rows: (string | null)[][]) => ({ columns, rows, more: false });
  const DAY_S = 86_400;
  const at = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1_000;

  it("exists for a column of different days beside a numeric one", () => {
    const days = [
      ["2026-01-02", "5"],
      ["2026-01-01", null],
    ];
    assert.equal(dayColumnOf(preview(["day", "price"], days)), 0);
    assert.equal(
      dayColumnOf(
        preview(
          ["price", "day"],
          days.map(([day = null, price = null]) => [price, day]),
        ),
      ),
      1,
    );
    assert.equal(dayColumnOf(preview(["day", "price"], [["2026-01-01", "5"]])), undefined, "a single day");
    assert.equal(
      dayColumnOf(
        preview(
          ["day", "name"],
          [
            ["2026-01-01", "a"],
            ["2026-01-02", "b"],
          ],
        ),
      ),
      undefined,
    );
    assert.equal(
      dayColumnOf(
        preview(
          ["day", "price"],
          [
            ["2026-01-01", "5"],
            [null, "6"],
          ],
        ),
      ),
      undefined,
    );
  });
  it("starts at the oldest day, averages days with several rows, and has gaps", () => {
    const rows = [
      ["2026-01-04", "4"],
      ["2026-01-01", "10"],
      ["2026-01-01", "20"],
      ["2026-01-02", null],
    ];
    assert.deepEqual(seriesOf(preview(["day", "price"], rows), 0, 1), {
      at: [0, 1, 2, 3].map((n) => at("2026-01-01") + n * DAY_S),
      values: [15, null, null, 4],
    });
  });
  it("does not fill a gap of years", () => {
    const rows = [
      ["1900-01-01", "1"],
      ["2026-01-01", "2"],
    ];
    assert.deepEqual(seriesOf(preview(["day", "n"], rows), 0, 1).at, [at("1900-01-01"), at("2026-01-01")]);
  });
});

describe("formatted SQL", () => {
  it("has a line per clause, and further lines for conditions and joins", () => {
    assert.equal(
      formatSql(
        "select a, count(*) as n from prices p join ports o on o.code = p.orig_code where day between date '2026-01-01' and date '2026-01-31' and price > 5 group by a order by 2 desc limit 5",
      ),
      [
        "select a, count(*) as n",
        "from prices p",
        "  join ports o on o.code = p.orig_code",
        "where day between date '2026-01-01' and date '2026-01-31'",
        "  and price > 5",
        "group by a",
        "order by 2 desc",
        "limit 5",
      ].join("\n"),
    );
  });
  it("indents a query in parentheses, but not the arguments of a function", () => {
    assert.equal(
      formatSql("select max(n) from (select count(*) n from prices where code in ('a', 'b')) x"),
      ["select max(n)", "from (", "  select count(*) n", "  from prices", "  where code in ('a', 'b')", ") x"].join(
        "\n",
      ),
    );
  });
  it("has a line for each condition in parentheses, but not for functions named like joins", () => {
    assert.equal(
      formatSql("select left(a, 2) from b where (c) and (d or e) or (f)"),
      ["select left(a, 2)", "from b", "where (c)", "  and (d or e)", "  or (f)"].join("\n"),
    );
  });
  it("differs only in white space, and keeps SQL that already has several lines", () => {
    const texts = [
      "select 'a from b where '' c', \"from\" from prices where x::text <> ''",
      "select extract(day from d), count(*) filter (where price > 1) from prices",
      "select 1\n from prices",
      "select $$ from $$",
      "select E'it\\'s  from  b', 1 and (2 or  (3))",
      "not sql at all ((",
    ];
    for (const text of texts) assert.equal(formatSql(text).replace(/\s+/g, ""), text.replace(/\s+/g, ""), text);
    assert.equal(formatSql("select 1\n from prices"), "select 1\n from prices");
  });
});
