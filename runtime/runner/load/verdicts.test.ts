import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import type { JobError } from "../../contract/errors.ts";
import { readJson } from "../../contract/json.ts";
import { readSettings } from "../../platform/settings.ts";
import { parseRequest } from "../../requests/parse.ts";
import { loadFile, splitInto, type TestContent } from "../../testing/runner/loadFile.ts";
import { property, propertyTimeout } from "../../testing/runner/property.ts";
import { type PythonReader, pythonReader } from "../../testing/runner/pythonReader.ts";

const digit = fc.constantFrom(..."0123456789");
/** Numbers as people, spreadsheets and programs write them, and texts that look like numbers. */
const price = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 2_147_483_647 }).map(String) },
  fc.constantFrom(
    ..."1e3 1E3 1e+3 1e+09 1e9 1e10 1e009 15e-1 150e-1 1.5e1 1.0 1. .5 1.50 007 00 0 -0 -1 -0.0 +5 0x10 0b11 0o7 010".split(
      " ",
    ),
    ..."NaN nan Infinity -Infinity inf null true 1e400 1e-400 1e-1 1e 1e+ e3 1e1e1 1_000 1'000 1.000.000 1,5 1,000".split(
      " ",
    ),
    ..."٣ ١٢ ३ ５ ² Ⅷ 1٣ ½ 1𝟏 $5 5€ 5% 1/2 (5) 5- 1d 5f 5L 5n 1;5 #5 =5 '5 5' --5 1--".split(" "),
    ..."2147483647 2147483648 2147483647.0 2147483647.5 2147483646.9999999999999999999999 99999999999999999999".split(
      " ",
    ),
    ...[" 5", "5 ", "\t5", "5\n", "5\r", "\u00A05", "5\u00A0", "\u200B5", "5\u2028", "\uFEFF5", "1 000", "1\u202F000"],
    ...["", " ", "\0", "5\0", "５\u0301", "\u{1D7D9}", "5\uFFFE"],
    "9".repeat(400),
    `1.${"0".repeat(400)}`,
    `1.${"0".repeat(30)}1`,
    `0.${"9".repeat(30)}`,
    `${"0".repeat(30)}5`,
    `1e${"9".repeat(30)}`,
  ),
  fc
    .tuple(
      fc.constantFrom("", "", "-", "+", "0"),
      fc.string({ unit: digit, minLength: 1, maxLength: 12 }),
      fc.constantFrom("", ".", ".0", ".00", ".5", ".000000000000000000000000001"),
      fc.constantFrom("", "", "e0", "e1", "E2", "e-1", "e+5", "e-0"),
    )
    .map((parts) => parts.join("")),
);
const day = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10)),
  },
  fc
    .tuple(
      fc.constantFrom("2021", "2020", "1900", "2000", "0001", "9999", "0000", "10000", "21", "-2021"),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
      fc.constantFrom("-", "-", "-", "/", "", "."),
      fc.constantFrom(2, 2, 1),
    )
    .map(([year, month, date, separator, width]) =>
      [year, String(month).padStart(width, "0"), String(date).padStart(width, "0")].join(separator),
    ),
  fc.constantFrom(
    ..."today now infinity -infinity epoch 2021-001 2021-W01-1 J2451545 2021-01-01T00:00 2021-01-01Z 01-02-2021 ２０２１-01-01 ٢٠٢١-٠١-٠١ 2021-Jan-01 20210101 44197".split(
      " ",
    ),
    "2021-01-01 ",
    " 2021-01-01",
    "2021-01-01\n",
    "2021-01-01 00:00:00",
    "2021-01-01 BC",
    "2021\u201101\u201101",
    "",
  ),
);
const code = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("AAAAA", "BBBBB") },
  fc.constantFrom(
    "aaaaa",
    "AAAAA ",
    " AAAAA",
    "AAAA",
    "AAAAAA",
    "ＡＡＡＡＡ",
    "ААААА",
    "AAAAA\u200B",
    "",
    "north",
    "'AAAAA'",
    "A\0AAA",
    "%",
  ),
);
const row = fc.tuple(code, code, day, price);
type Row = [orig: string, dest: string, day: string, price: string];
const COLUMNS = ["orig_code", "dest_code", "day", "price"] as const;

describe("the verdict on each row of a batch of prices, compared with Python's", () => {
  let database: Scratch;
  let writer: pg.Client;
  let reader: PythonReader | undefined;
  before(async function () {
    database = await migratedDatabase();
    writer = await database.connect("job_writer");
    const admin = await database.connect();
    await admin.query(`insert into regions values ('north', 'North', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
    reader = pythonReader(this, database.url);
  });
  after(async () => {
    reader?.close();
    await database?.drop();
  });

  /** Python's verdict on each row: the values to store, or null for an invalid row. */
  const verdictsOf = async (rows: readonly Row[]) => {
    const verdicts = await reader?.ask({ prices: rows, codes: ["AAAAA", "BBBBB"] });
    return verdicts as ([string, string, string, number] | null)[];
  };
  const SELECT = "select orig_code, dest_code, to_char(day, 'YYYY-MM-DD'), price from prices";
  const sorted = (rows: readonly unknown[]) => rows.map((values) => JSON.stringify(values)).sort();
  let loadedFiles = 0;
  /** Asserts that all rows are loaded as Python reads them, or that exactly the lines of invalid rows are reported. */
  const compare = async (content: TestContent, rows: readonly Row[], lines: readonly number[]) => {
    const verdicts = await verdictsOf(rows);
    const wrong = lines.filter((_, at) => verdicts[at] === null);
    const loaded = await loadFile(writer, "prices", content, SELECT);
    const label = JSON.stringify(rows);
    if ("refused" in loaded) throw loaded.refused;
    if ("rows" in loaded) {
      assert.deepEqual(wrong, [], label);
      assert.deepEqual(sorted(loaded.rows), sorted(verdicts), label);
      loadedFiles++;
      return;
    }
    const reported = [...new Set(loaded.bad.map(({ line }) => line))].sort((a, b) => a - b);
    for (const { reason } of loaded.bad) assert.notEqual(reason, "");
    // A number with very many digits, or with an exponent, may be refused too.
    const extra = reported.filter((line) => !wrong.includes(line));
    for (const line of extra) assert.match(rows[lines.indexOf(line)]?.[3] ?? "", /^[0-9.eE+-]{20,}$|[eE]/, label);
    assert.deepEqual(
      reported,
      [...wrong, ...extra].sort((a, b) => a - b),
      label,
    );
  };

  it("is the same in CSV, for any line ends, quotes, order of columns and compression", async function () {
    this.timeout(propertyTimeout(120_000));
    const field = fc.record({ quote: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            row,
            fc.array(field, { minLength: 4, maxLength: 4 }),
            fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\r\n\r\n"),
          ),
          { minLength: 1, maxLength: 4 },
        ),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        fc.constantFrom("", "\uFEFF"),
        fc.constantFrom(1, 5, 1_000_000),
        fc.boolean(),
        fc.boolean(),
        async (records, order, mark, size, gzip, ended) => {
          const lines: number[] = [];
          let line = 2;
          let text = `${mark}${order.map((at) => COLUMNS[at]).join(",")}\n`;
          for (const [at, [values, fields, end]] of records.entries()) {
            lines.push(line);
            const cells = order.map((column) => {
              const value = values[column] ?? "";
              const quote = fields[column]?.quote || /[",\r\n]/.test(value);
              return quote ? `"${value.replaceAll('"', '""')}"` : value;
            });
            const last = at === records.length - 1 && !ended ? "" : end;
            text += cells.join(",") + last;
            line += (cells.join(",") + last).split(/\r\n|\r|\n/).length - 1;
          }
          const bytes = gzip ? gzipSync(text) : Buffer.from(text);
          const rows = records.map(([values]) => values);
          await compare({ format: "csv", chunks: splitInto(bytes, size), gzip }, rows, lines);
        },
      ),
      property(80),
    );
    assert(loadedFiles > 5, `${loadedFiles} files were loaded`);
  });

  /** Returns a row as JSON text. Its price is a number if its text is a valid JSON number, otherwise a string. */
  const jsonOf = ([orig_code, dest_code, day_, text]: Row) => {
    const isNumber = /^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$/.test(text);
    const rest = JSON.stringify({ orig_code, dest_code, day: day_ }).slice(0, -1);
    return { text: `${rest},"price":${isNumber ? text : JSON.stringify(text)}}`, isNumber };
  };

  it("is the same in NDJSON, and no text is accepted as a number", async function () {
    this.timeout(propertyTimeout(120_000));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("\n", "\r\n", "\n\n"),
        async (rows, end) => {
          const step = end === "\n\n" ? 2 : 1;
          const lines = rows.map((_, at) => at * step + 1);
          const json = rows.map(jsonOf);
          // An invalid JSON number is invalid in every form.
          const judged = rows.map(
            (values, at): Row => (json[at]?.isNumber ? values : [values[0], values[1], values[2], "text"]),
          );
          const text = json.map((item) => item.text).join(end);
          await compare({ format: "ndjson", chunks: [Buffer.from(text)] }, judged, lines);
        },
      ),
      property(80),
    );
  });

  it("is the same for the items of a request, or the request is refused with the field", async function () {
    this.timeout(propertyTimeout(120_000));
    const rules = readSettings({}).jobs;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 4 }), async (rows) => {
        const json = rows.map(jsonOf);
        const body = `{"requestId":"a","task":{"type":"update","target":"prices","source":{"inline":[${json.map((item) => item.text).join(",")}]}}}`;
        const judged = rows.map(
          (values, at): Row => (json[at]?.isNumber ? values : [values[0], values[1], values[2], "text"]),
        );
        try {
          const { value, problems } = readJson(body);
          const { task } = parseRequest(value, rules, problems);
          assert("source" in task && "inline" in task.source);
          const lines = rows.map((_, at) => at + 1);
          await compare({ items: task.source.inline }, judged, lines);
        } catch (error) {
          if ((error as JobError).code !== "InvalidRequest") throw error;
          const verdicts = await verdictsOf(judged);
          for (const { field } of (error as JobError).details as { field: string }[]) {
            const [, at = ""] = /^task[.]source[.]inline[.]([0-9]+)[.]/.exec(field) ?? [];
            assert(
              verdicts[Number(at)] === null || /[0-9.eE+-]{15,}/.test(rows[Number(at)]?.[3] ?? ""),
              `${field}: ${body}`,
            );
          }
        }
      }),
      property(80),
    );
  });
});
