import assert from "node:assert/strict";
import fc from "fast-check";
import stringWidth from "string-width";
import { property } from "../../testing/runner/property.ts";
import { chartLines, seriesOf } from "./dayChart.ts";

const columns = ["day", "price", "count"];
/** Rows of a query, newest first; one day has no price. */
const rows = [
  ["2021-01-05", "1500", "3"],
  ["2021-01-04", null, "1"],
  ["2021-01-02", "1300", "4"],
  ["2021-01-01", "1100", "3"],
];
const chartOf = (preview: Parameters<typeof seriesOf>[0], width = 60) =>
  chartLines(seriesOf(preview) ?? assert.fail(), width);

describe("results as charts", () => {
  it("have a mark per day, gaps for days without a value, an axis, and a summary in words", () => {
    assert.deepEqual(chartOf({ columns, rows }), [
      "● price",
      "1,500 ┤            ●",
      "      │",
      "      │",
      "1,400 ┤",
      "      │",
      "      │",
      "1,300 ┤   ●",
      "      │",
      "1,200 ┤",
      "      │",
      "      │",
      "1,100 ┤●",
      "      └───────────────",
      "       2021-01-01",
      "price: 1,100 (2021-01-01) to 1,500 (2021-01-05), 3 of 5 days",
    ]);
  });

  it("leave out counts beside prices, mark each column differently, and average rows of a day", () => {
    const several = seriesOf({
      columns: ["day", "lowest", "highest", "n"],
      rows: [
        ["2021-01-01", "1", "10", "5"],
        ["2021-01-01", "3", "20", "5"],
        ["2021-01-02", "2", "30", "5"],
      ],
    });
    assert.deepEqual(several?.series, [
      { name: "lowest", values: [2, 2] },
      { name: "highest", values: [15, 30] },
    ]);
    const [legend, ...plot] = chartLines(several ?? assert.fail(), 60);
    assert.equal(legend, "● lowest  ○ highest");
    assert.deepEqual(
      ["●", "○"].map((mark) => plot.join("").split(mark).length - 1),
      [2, 2],
    );
    assert.equal(seriesOf({ columns: ["day", "count"], rows: [["2021-01-01", "7"]] })?.series[0]?.name, "count");
  });

  it("require days and numbers", () => {
    assert.equal(seriesOf({ columns, rows: [] }), undefined);
    assert.equal(seriesOf({ columns: ["code", "price"], rows: [["AEJEA", "7"]] }), undefined);
    assert.equal(seriesOf({ columns: ["day", "code"], rows: [["2021-01-01", "AEJEA"]] }), undefined);
    assert.deepEqual(chartLines({ days: ["2021-01-01"], series: [{ name: "price", values: [null] }] }, 60), [
      "No day has a value.",
    ]);
  });

  it("leave out the missing days of a gap of years", () => {
    const far = [
      ["0001-01-01", "1"],
      ["9999-12-31", "2"],
    ];
    assert.deepEqual(seriesOf({ columns: ["day", "price"], rows: far })?.days, ["0001-01-01", "9999-12-31"]);
  });

  it("never have NaN, or a line wider than a terminal of at least 30 columns, for any numbers", () => {
    const number = fc.oneof(fc.double({ noNaN: true }).map(String), fc.integer().map(String), fc.constant(null));
    const row = fc.tuple(fc.integer({ min: 1, max: 200 }), number, number);
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 30, max: 200 }),
        (testRows, width) => {
          const chart = seriesOf({
            columns: ["day", "東京", "b"],
            rows: testRows.map(([day, ...values]) => [
              new Date(day * 86_400_000).toISOString().slice(0, 10),
              ...values,
            ]),
          });
          for (const line of chart ? chartLines(chart, width) : []) {
            assert(stringWidth(line) <= width, `${width}: ${JSON.stringify(line)}`);
            assert.doesNotMatch(line, /NaN|undefined/);
          }
        },
      ),
      property(100),
    );
  });

  it("draw values that are nearly zero as zero", () => {
    const tiny = ["-1.5e-323", "5e-324", "0"].map((value, day) => [`2021-01-0${day + 1}`, value]);
    assert.deepEqual(seriesOf({ columns: ["day", "price"], rows: tiny })?.series[0]?.values, [0, 0, 0]);
    assert.match(chartOf({ columns: ["day", "price"], rows: tiny }).at(-1) ?? "", /^price: 0 /);
  });
});
