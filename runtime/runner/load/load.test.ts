import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import type { Target } from "../../contract/request.ts";
import { loadBatch } from "./batch.ts";

describe("loading a batch", () => {
  let database: Scratch;
  let writer: pg.Client;
  let admin: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    admin = await database.connect();
    writer = await database.connect("job_writer");
    await admin.query(`grant temporary on database ${database.url.split("/").at(-1)} to job_writer`);
  });
  after(() => database.drop());
  beforeEach(() =>
    admin.query(`truncate prices; delete from ports; delete from regions;
      insert into regions values ('north', 'North', null), ('south', 'South', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north'), ('CCCCC', 'C', 'south')`),
  );

  type Content = string | Buffer[] | readonly unknown[];
  const bytes = async function* (chunks: Buffer[]) {
    yield* chunks;
  };
  /** Loads as a runner does; rolls back a batch with bad rows. */
  const load = async (
    content: Content,
    options: {
      target?: Target;
      mode?: "append" | "replace";
      format?: "csv" | "ndjson";
      client?: pg.Client;
      reportRows?: number;
    } = {},
  ) => {
    const { target = "prices", mode = "append", format = "csv", client = writer, reportRows = 10 } = options;
    const isFile = typeof content === "string" || Buffer.isBuffer(content[0]);
    await client.query("begin");
    try {
      const loaded = await loadBatch(client, {
        target,
        mode,
        content: isFile
          ? { format, bytes: bytes(typeof content === "string" ? [Buffer.from(content)] : (content as Buffer[])) }
          : { items: content as unknown[] },
        reportRows,
        limits: { maxBadRows: 100_000, stagedBytes: 1e9 },
        signal: new AbortController().signal,
        onProgress() {},
        onCopy() {},
      });
      if (!("bad" in loaded)) {
        await client.query("commit");
        return { rows: loaded.rows, removed: loaded.removed };
      }
      let report = "";
      for await (const chunk of loaded.bad.report()) report += chunk;
      return {
        bad: loaded.bad.rows,
        faults: loaded.bad.first.map(({ line, column, value, reason }) => `${line} ${column} ${value} ${reason}`),
        report,
      };
    } finally {
      await client.query("rollback");
    }
  };
  const prices = async () =>
    (
      await admin.query("select orig_code || dest_code || day || ' ' || price as price from prices order by 1")
    ).rows.map((row) => row.price);

  it("loads every row of a CSV, with columns in any order and any line ends", async () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      await admin.query("truncate prices");
      const text = [
        "\uFEFFprice,day,dest_code,orig_code",
        '5,2021-01-01,"BBBBB",AAAAA',
        "",
        "6,2021-01-02,AAAAA,BBBBB",
      ].join(end);
      assert.deepEqual(await load(text), { rows: 2, removed: 0 });
      assert.deepEqual(await prices(), ["AAAAABBBBB2021-01-01 5", "BBBBBAAAAA2021-01-02 6"]);
    }
  });

  it("finds the same records wherever the chunks end", async () => {
    const text = Buffer.from(
      'orig_code,dest_code,day,price\r\nAAAAA,BBBBB,2021-01-01,5\r\n"AAAAA",CCCCC,2021-01-02,6\r\nÅ,"x\r\ny",2021-13-01,7\r\nAAAAA,B',
    );
    const expected = await load([text]);
    for (let at = 1; at < text.length; at++)
      assert.deepEqual(await load([text.subarray(0, at), text.subarray(at)]), expected, `split at ${at}`);
    assert.deepEqual(
      "faults" in expected && expected.faults,
      [
        "4 dest_code x\\u000D\\u000Ay is not the code of a known port: it has a space or an invisible character",
        "4 orig_code Å is not the code of a known port",
        "4 day 2021-13-01 is not a day of the calendar",
        "6 null AAAAA,B has 2 fields instead of 4",
      ].sort((a, b) => Number(a[0]) - Number(b[0]) || a.localeCompare(b)),
    );
  });

  it("reads quoted CSV exactly as Postgres does", async () => {
    const field = fc.stringMatching(/^[ab,"\n\r 'é]{0,6}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 5 }), async (rows) => {
        const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
        const named = rows.map(([name, other], index) => ({
          slug: `r${index}`,
          name: `${name}x`,
          parent: other === "" ? "" : "north",
        }));
        const lines = named.map(({ slug, name, parent }) => [slug, quote(name), parent].join(","));
        const csv = `slug,name,parent_slug\n${lines.join("\n")}\n`;
        await load(csv, { target: "regions" });
        const stored = async () => {
          const { rows } = await admin.query(
            "delete from regions where slug like 'r%' returning slug, name, parent_slug",
          );
          return rows.sort((a, b) => a.slug.localeCompare(b.slug));
        };
        const loaded = await stored();
        await pipeline(
          Readable.from([csv]),
          admin.query(copyFrom("copy regions (slug, name, parent_slug) from stdin (format csv, header true)")),
        );
        assert.deepEqual(loaded, await stored());
        assert.deepEqual(
          loaded,
          named.map(({ slug, name, parent }) => ({ slug, name, parent_slug: parent || null })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("reports exactly the three bad rows of fifty thousand, with line, column, value and reason, and changes nothing", async () => {
    const lines = ["orig_code,dest_code,day,price"];
    for (let row = 0; row < 50_000; row++)
      lines.push(`AAAAA,BBBBB,2021-01-${String((row % 28) + 1).padStart(2, "0")},${row + 1}`);
    lines[17] = "AAAAA,BBBBB,2021-01-01,-3";
    lines[25_000] = "AAAAA,XXXXX,2021-02-30,7";
    lines[49_999] = "AAAAA,BBBBB,2021-01-01";
    const { report, ...result } = (await load(lines.join("\n"))) as { bad: number; faults: string[]; report: string };
    assert.deepEqual(result, {
      bad: 3,
      faults: [
        "18 price -3 must be a whole number above 0, written in digits",
        "25001 day 2021-02-30 is not a day of the calendar",
        "25001 dest_code XXXXX is not the code of a known port",
        "50000 null AAAAA,BBBBB,2021-01-01 has 3 fields instead of 4",
      ],
    });
    assert.equal(report.trim().split("\n").length, 5, "the header and four faults");
    assert.deepEqual(await prices(), []);
  });

  it("marks cells of the report that a spreadsheet would run as a formula", async () => {
    const values = ["=1+1", "+cmd|x", "-2+3", "@SUM(1)", "\uFF1D1", "-5", "+7", "-1.5", "x=1"];
    const rows = values.map((value) => `AAAAA,BBBBB,2021-01-01,${value}`);
    const { report, faults } = (await load(`orig_code,dest_code,day,price\n${rows.join("\n")}`)) as {
      report: string;
      faults: string[];
    };
    const cells = report
      .split("\n")
      .slice(1, -1)
      .map((line) => line.split(",")[2]);
    assert.deepEqual(cells, ["'=1+1", "'+cmd|x", "'-2+3", "'@SUM(1)", "'\uFF1D1", "-5", "+7", "-1.5", "x=1"]);
    assert.match(faults[0] ?? "", /^2 price =1\+1 /, "JSON has the value itself");
  });

  it("marks names of columns in the report too", async () => {
    const item = { orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: 1, "=1+1": 2 };
    const { report } = (await load(JSON.stringify(item), { format: "ndjson" })) as { report: string };
    assert.match(report, /^1,'=1\+1,2,"is not a column/m);
  });

  it("lists the first faults and reports all of them when every row is bad", async () => {
    const lines = Array.from({ length: 30_000 }, (_, row) => `${row},,`);
    const result = (await load(`orig_code,dest_code,day,price\n${lines.join("\n")}`, { reportRows: 3 })) as {
      bad: number;
      faults: string[];
      report: string;
    };
    assert.deepEqual([result.bad, result.faults.length], [30_000, 3]);
    assert.equal(result.report.trim().split("\n").length, 30_001);
  });

  const BAD: Record<string, [string, string]> = {
    "a price of 0": ["AAAAA,BBBBB,2021-01-01,0", "price 0 must be a whole number above 0, written in digits"],
    "a price with a point": [
      "AAAAA,BBBBB,2021-01-01,1.5",
      "price 1.5 must be a whole number above 0, written in digits",
    ],
    "a price with leading zeros": [
      "AAAAA,BBBBB,2021-01-01,007",
      "price 007 must be a whole number above 0, written in digits",
    ],
    "a price beyond an integer": ["AAAAA,BBBBB,2021-01-01,2147483648", "price 2147483648 is above 2147483647"],
    "a price beyond everything": [
      `AAAAA,BBBBB,2021-01-01,${"9".repeat(50)}`,
      `price ${"9".repeat(50)} is above 2147483647`,
    ],
    "a day in words": ["AAAAA,BBBBB,today,1", "day today must be a day written YYYY-MM-DD"],
    "a day in another form": ["AAAAA,BBBBB,2021-1-1,1", "day 2021-1-1 must be a day written YYYY-MM-DD"],
    "a day that does not exist": ["AAAAA,BBBBB,2021-02-29,1", "day 2021-02-29 is not a day of the calendar"],
    "the year 0": ["AAAAA,BBBBB,0000-01-01,1", "day 0000-01-01 is not a day of the calendar"],
    "the year 10000": ["AAAAA,BBBBB,10000-01-01,1", "day 10000-01-01 must be a day written YYYY-MM-DD"],
    infinity: ["AAAAA,BBBBB,infinity,1", "day infinity must be a day written YYYY-MM-DD"],
    "a missing port": [",BBBBB,2021-01-01,1", "orig_code null is missing"],
    "an empty port": ['"",BBBBB,2021-01-01,1', "orig_code  is missing"],
    "a port in lower case": [
      "aaaaa,BBBBB,2021-01-01,1",
      "orig_code aaaaa is not the code of a known port: codes are in upper case",
    ],
    "a region": [
      "AAAAA,north,2021-01-01,1",
      "dest_code north is not the code of a known port: it is the slug of a region",
    ],
    "a line in quotes": [
      '"AAAAA,BBBBB,2021-01-01,1"',
      'null "AAAAA,BBBBB,2021-01-01,1" has 1 field instead of 4: the whole line is in quotes',
    ],
    "semicolons in a row": [
      "AAAAA;BBBBB;2021-01-01;1",
      "null AAAAA;BBBBB;2021-01-01;1 has 1 field instead of 4: it is separated by semicolons",
    ],
    "tabs in a row": [
      "AAAAA\tBBBBB\t2021-01-01\t1",
      "null AAAAA\\u0009BBBBB\\u00092021-01-01\\u00091 has 1 field instead of 4: it is separated by tabs",
    ],
    "the header again": [
      "orig_code,dest_code,day,price",
      "null orig_code,dest_code,day,price repeats the header; remove this line, and join files without their headers",
    ],
    "the header again, after a byte order mark": [
      "\uFEFForig_code,dest_code,day,price\r",
      "null \\uFEFForig_code,dest_code,day,price repeats the header; remove this line, and join files without their headers",
    ],
    "a comma at the end": [
      "AAAAA,BBBBB,2021-01-01,1,",
      "null AAAAA,BBBBB,2021-01-01,1, has 5 fields instead of 4: it ends with a comma",
    ],
    "the end-of-data mark of COPY": ["\\.", "null \\. has 1 field instead of 4"],
    "an open quote": ['AAAAA,"BBBBB,2021-01-01,1', ""],
  };
  for (const [name, [row, fault]] of Object.entries(BAD))
    it(`refuses ${name}`, async () => {
      const result = (await load(`orig_code,dest_code,day,price\nAAAAA,BBBBB,2021-01-01,1\n${row}\n`)) as {
        faults: string[];
      };
      const expected = name === "an open quote" ? [`3 null ${row}\\u000A leaves a quote open`] : [`3 ${fault}`];
      assert.deepEqual(result.faults, expected);
      assert.deepEqual(await prices(), []);
    });

  it("refuses NUL bytes and invalid UTF-8, each at its line", async () => {
    const file = Buffer.concat([
      Buffer.from("orig_code,dest_code,day,price\nAAAAA,BBBBB,2021-01-01,1\nA"),
      Buffer.from([0]),
      Buffer.from(",BBBBB,2021-01-01,1\n"),
      Buffer.from([0xc3, 0x28]),
      Buffer.from(",B,2021-01-01,1\n"),
    ]);
    const result = (await load([file])) as { faults: string[] };
    assert.deepEqual(result.faults, [
      "3 null A\\u0000,BBBBB,2021-01-01,1 contains a NUL byte",
      "4 null \uFFFD(,B,2021-01-01,1 is not valid UTF-8; it may be Latin-1 or Windows-1252. Save the file as UTF-8",
    ]);
  });

  it("reports all problems of a header", async () => {
    await assert.rejects(load("orig_code,dest,day,day,x\n"), {
      code: "InvalidHeader",
      message:
        "The header of the source does not match the columns of prices: 'dest' is not a column. Did you mean 'dest_code'? 'x' is not a column. Known: orig_code, dest_code, day, price. 'dest_code' is missing. 'price' is missing. 'day' is duplicated. Line 1 must name orig_code,dest_code,day,price in any order.",
    });
    for (const empty of ["", "\n\r\n", "\uFEFF"])
      await assert.rejects(load(empty), { code: "InvalidHeader", message: /the file is empty[.] Line 1 must name/ });
  });

  it("accepts a file with only a header, and loads no rows", async () => {
    assert.deepEqual(await load("orig_code,dest_code,day,price\n"), { rows: 0, removed: 0 });
  });

  it("accepts NDJSON and inline items, and checks them alike", async () => {
    const items = [
      { orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: 5 },
      { price: 6, day: "2021-01-01", dest_code: "BBBBB", orig_code: "AAAAA" },
    ];
    assert.deepEqual(await load(items), { rows: 2, removed: 0 });
    assert.deepEqual(await load(`${items.map((item) => JSON.stringify(item)).join("\n")}\n\n`, { format: "ndjson" }), {
      rows: 2,
      removed: 0,
    });
    const bad = [
      { ...items[0], price: "5" },
      { ...items[0], prize: 5 },
      { ...items[0], price: 1.5, orig_code: 7 },
      { ...items[0], day: null },
      { ...items[0], orig_code: "A\0" },
      { ...items[0], orig_code: "\ud800" },
      { ...items[0], price: 1e20 },
      [],
    ];
    const inline = (await load(bad)) as { faults: string[] };
    assert.deepEqual(inline.faults, [
      "1 price 5 must be a JSON integer",
      "2 prize 5 is not a column. Did you mean 'price'?",
      "3 orig_code 7 must be a JSON string",
      "3 price 1.5 must be a whole number above 0, written in digits",
      "4 day null is missing",
      "5 orig_code A\\u0000 contains a NUL character",
      "6 orig_code \uFFFD contains half a character (a lone surrogate)",
      "7 price 100000000000000000000 is above 2147483647",
      "8 null [] must be a JSON object",
    ]);
    const ndjson = (await load(`${bad.map((item) => JSON.stringify(item)).join("\n")}\n{"cut": `, {
      format: "ndjson",
    })) as { faults: string[] };
    assert.deepEqual(ndjson.faults, [
      ...inline.faults,
      '9 null {"cut": is not JSON: one object per line; this one has no end',
    ]);
  });

  it("names the cause of a line that is not JSON", async () => {
    const row = '{"orig_code":"AAAAA","dest_code":"BBBBB","day":"2021-01-01","price":5}';
    const result = (await load(
      [`${row},`, `${row}${row}`, `\uFEFF${row}`, `${row}\f`, `${row} \t\r`].join("\n").replace(/^/, `${row}\n`),
      {
        format: "ndjson",
      },
    )) as { faults: string[] };
    assert.deepEqual(
      result.faults.map((fault) => fault.replaceAll(row, "ROW")),
      [
        "2 null ROW, is not JSON: one object per line, without a comma after it",
        `3 null ${`${row}${row}`.slice(0, 100)}… is not JSON: one object per line, and nothing after it`.replaceAll(
          row,
          "ROW",
        ),
        "4 null \\uFEFFROW is not JSON: one object per line, which begins with {",
        "5 null ROW\\u000C is not JSON: one object per line, and nothing after it",
      ],
    );
  });

  it("names values that other programs write and that are not JSON", async () => {
    const begin = '{"orig_code":"AAAAA","dest_code":"BBBBB","day":"2021-01-01","price":';
    const lineEnds = {
      "NaN}": "NaN, Infinity, None",
      "Infinity}": "NaN, Infinity, None",
      "-Infinity}": "NaN, Infinity, None",
      "None}": "NaN, Infinity, None",
      "True}": "NaN, Infinity, None",
      "5": "this one has no end",
      "5} // checked": "nothing after it",
    };
    const wholeLines = {
      "// note": "without comments",
      "# note": "without comments",
      "{'price': 5}": "in double quotes",
    };
    const texts = [...Object.keys(lineEnds).map((end) => `${begin}${end}`), ...Object.keys(wholeLines)];
    const result = (await load(texts.join("\n"), { format: "ndjson" })) as { faults: string[] };
    for (const [at, cause] of [...Object.values(lineEnds), ...Object.values(wholeLines)].entries())
      assert.match(
        result.faults[at] ?? "",
        new RegExp(`^${at + 1} null .* is not JSON: one object per line.*${cause}`),
      );
  });

  it("replaces exactly the lanes and days that the batch contains", async () => {
    const header = "orig_code,dest_code,day,price\n";
    await load(
      `${header}AAAAA,BBBBB,2021-01-01,1\nAAAAA,BBBBB,2021-01-01,2\nAAAAA,BBBBB,2021-01-02,3\nBBBBB,AAAAA,2021-01-01,4\n`,
    );
    assert.deepEqual(
      await load(`${header}AAAAA,BBBBB,2021-01-01,9\nAAAAA,BBBBB,2021-01-01,8\nAAAAA,CCCCC,2021-01-01,7\n`, {
        mode: "replace",
      }),
      { rows: 3, removed: 2 },
    );
    assert.deepEqual(await prices(), [
      "AAAAABBBBB2021-01-01 8",
      "AAAAABBBBB2021-01-01 9",
      "AAAAABBBBB2021-01-02 3",
      "AAAAACCCCC2021-01-01 7",
      "BBBBBAAAAA2021-01-01 4",
    ]);
  });

  it("keeps the rows of only one of two concurrent batches that replace the same lanes", async () => {
    const other = await database.connect("job_writer");
    const batch = (price: number) =>
      Array.from({ length: 300 }, (_, day) => ({
        orig_code: ["AAAAA", "BBBBB", "CCCCC"][day % 3],
        dest_code: "BBBBB",
        day: new Date(Date.UTC(2021, 0, 1 + Math.floor(day / 3))).toISOString().slice(0, 10),
        price,
      }));
    await Promise.all([
      load(batch(1), { mode: "replace" }),
      load(batch(2).reverse(), { mode: "replace", client: other }),
    ]);
    const { rows } = await admin.query("select count(*)::int, count(distinct price)::int as prices from prices");
    assert.deepEqual(rows, [{ count: 300, prices: 1 }]);
  });

  it("upserts ports and regions by their key, with parents of the same batch", async () => {
    const regions = [
      { slug: "deep", name: "Deep", parent_slug: "mid" },
      { slug: "mid", name: "Mid", parent_slug: "north" },
      { slug: "north", name: "The North" },
    ];
    assert.deepEqual(await load(regions, { target: "regions" }), { rows: 3, removed: 0 });
    assert.deepEqual(
      await load(
        [
          { code: "AAAAA", name: "New A", parent_slug: "deep" },
          { code: "DDDDD", name: "D", parent_slug: "mid" },
        ],
        { target: "ports" },
      ),
      { rows: 2, removed: 0 },
    );
    const { rows } = await admin.query(
      "select (select name from regions where slug = 'north') as region, (select name || parent_slug from ports where code = 'AAAAA') as port",
    );
    assert.deepEqual(rows, [{ region: "The North", port: "New Adeep" }]);
  });

  it("refuses a key that is duplicated in a batch, unknown parents, and a region that would be its own ancestor", async () => {
    const ports = (await load(
      [
        { code: "EEEEE", name: "E", parent_slug: "north" },
        { code: "EEEEE", name: "F", parent_slug: "nowhere" },
      ],
      { target: "ports" },
    )) as { faults: string[] };
    assert.deepEqual(ports.faults, [
      "2 code EEEEE is on line 1 already",
      "2 parent_slug nowhere is not the slug of a known region",
    ]);
    const regions = (await load(
      [
        { slug: "north", name: "N", parent_slug: "x" },
        { slug: "x", name: "X", parent_slug: "north" },
        { slug: "y", name: "Y", parent_slug: "nowhere" },
      ],
      { target: "regions" },
    )) as { faults: string[] };
    assert.deepEqual(regions.faults, [
      "1 parent_slug x makes the region its own ancestor",
      "2 parent_slug north makes the region its own ancestor",
      "3 parent_slug nowhere is not the slug of a known region, nor of one in this batch",
    ]);
    const cycle = (await load([{ slug: "north", name: "N", parent_slug: "north" }], { target: "regions" })) as {
      faults: string[];
    };
    assert.deepEqual(cycle.faults, ["1 parent_slug north makes the region its own ancestor"]);
  });
});
