import assert from "node:assert/strict";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import type { Target } from "../../contract/request.ts";
import { loadFile, type TestContent } from "../../testing/runner/loadFile.ts";
import { loadBatch } from "./batch.ts";

/** Forms of input; most tests of numbers run once per form. */
const FORMS = ["csv", "ndjson", "inline"] as const;

describe("the values of a batch", () => {
  let database: Scratch;
  let writer: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    writer = await database.connect("job_writer");
    const admin = await database.connect();
    await admin.query(`insert into regions values ('north', 'North', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
  });
  after(() => database.drop());

  /** Loads and rolls back; returns the problems, or the values of the rows. */
  const load = async (target: Target, content: TestContent, query = "select price from prices") => {
    const loaded = await loadFile(writer, target, content, query);
    if ("refused" in loaded) throw loaded.refused;
    if ("rows" in loaded) return loaded.rows.flat();
    return loaded.bad.map(({ line, column, value, reason }) => `${line} ${column} ${value} ${reason}`);
  };
  const file = (format: "csv" | "ndjson", text: string) => ({ format, chunks: [Buffer.from(text)] });
  const price = (form: (typeof FORMS)[number], text: string) => {
    if (form === "csv")
      return load("prices", file("csv", `orig_code,dest_code,day,price\nAAAAA,BBBBB,2021-01-01,${text}\n`));
    const row = `{"orig_code":"AAAAA","dest_code":"BBBBB","day":"2021-01-01","price":${text}}`;
    return load("prices", form === "ndjson" ? file("ndjson", row) : { items: [JSON.parse(row)] });
  };

  for (const form of FORMS) {
    for (const [text, value] of Object.entries({
      "1500": 1500,
      "1500.0": 1500,
      "1.5e3": 1500,
      "15E+2": 1500,
      "150000e-2": 1500,
      "2147483647.000": 2147483647,
    }))
      it(`are accepted as whole numbers in any notation, as ${form}: ${text}`, async () => {
        assert.deepEqual(await price(form, text), [value]);
      });
    for (const text of ["0", "0.0", "-5", "1.5", "15e-1", "2147483648", "2147483648.0", "1e99", "1e10", "2147483646.5"])
      it(`are refused when they are not whole numbers in range, as ${form}: ${text}`, async () => {
        const [fault = "", ...more] = await price(form, text);
        assert.match(String(fault), /^\d price \S+ (must be a whole number above 0|is above 2147483647)/);
        assert.deepEqual(more, []);
      });
  }
  for (const form of ["csv", "ndjson"] as const)
    for (const text of [
      "1500.00000000000000001",
      "2147483647.0000000001",
      "0.99999999999999999999",
      `1500.${"0".repeat(30)}1`,
      "1e-400",
      "1e400",
    ])
      it(`are checked by their text, not as rounded numbers, as ${form}: ${text}`, async () => {
        assert.match(String(await price(form, text)), /must be a whole number above 0|is above/);
      });

  it("are refused when a row of NDJSON gives a column twice", async () => {
    const rows = [
      '{"orig_code":"AAAAA","dest_code":"BBBBB","day":"2021-01-01","price":1,"price":2}',
      '{"orig_code":"AAAAA","dest_code":"BBBBB","day":"2021-01-01","price":1,"pric\\u0065":1}',
      '{"orig_code" : "AAAAA","dest_code":"a\\"b,{","day":"2021-01-01","x":[{"price":[1]}],"price":1, "x": {"price":"}"} }',
      '{"orig_code":"AAAAA","dest_code":"BBBBB","day":"price","price":1}',
    ];
    assert.deepEqual(await load("prices", file("ndjson", rows.join("\n"))), [
      "1 price 2 is given more than once",
      "2 price 1 is given more than once",
      '3 dest_code a"b,{ is not the code of a known port',
      '3 x {"price":"}"} is given more than once',
      '3 x {"price":"}"} is not a column. Known: orig_code, dest_code, day, price.',
      "4 day price must be a day written YYYY-MM-DD",
    ]);
  });

  it("are shown with their invisible characters as escapes", async () => {
    const row = { orig_code: "AAAAA\u200B", dest_code: "BBBBB\u{E0020}", day: "2021-01-01\u00A0", price: 1 };
    assert.deepEqual(await load("prices", { items: [row] }), [
      "1 day 2021-01-01\\u00A0 must be a day written YYYY-MM-DD",
      "1 dest_code BBBBB\\u{E0020} is not the code of a known port: it has a space or an invisible character",
      "1 orig_code AAAAA\\u200B is not the code of a known port: it has a space or an invisible character",
    ]);
  });

  it("in deeply nested arrays are one bad row", async () => {
    const [fault] = await load("prices", file("ndjson", `${"[".repeat(100_000)}${"]".repeat(100_000)}`));
    assert.match(String(fault), /^1 null \[+… /);
    const deep = `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    assert.match(String(await load("prices", file("ndjson", deep))), /x \[+… is not a column/);
  });

  for (const code of ["AB CD", "AB\u00A0D", "ABCD\u200B", "\uFEFFABCD", "ABCD ", "A\tB", "A\u3000B"])
    it(`are refused as codes with a space or an invisible character: ${JSON.stringify(code)}`, async () => {
      assert.match(
        String(await load("ports", { items: [{ code, name: "P", parent_slug: "north" }] })),
        /has a space or an invisible character$/,
      );
      assert.match(
        String(await load("regions", { items: [{ slug: code, name: "R" }] })),
        /has a space or an invisible character$/,
      );
    });

  it("give no region the code of a port, and no port the slug of a region", async () => {
    assert.deepEqual(await load("ports", { items: [{ code: "north", name: "P", parent_slug: "north" }] }), [
      "1 code north is the slug of a region",
    ]);
    assert.deepEqual(await load("regions", { items: [{ slug: "AAAAA", name: "R" }] }), [
      "1 slug AAAAA is the code of a port",
    ]);
  });

  it("give no region the code of a port that another batch adds at the same time", async () => {
    const other = await database.connect("job_writer");
    await other.query("begin; set local lock_timeout = '100ms'");
    const batch = (target: Target, item: object) =>
      ({
        target,
        mode: "append",
        content: { items: [item] },
        reportRows: 1,
        limits: { maxBadRows: 1, stagedBytes: 1e6 },
        signal: new AbortController().signal,
        onProgress() {},
        onCopy() {},
      }) as const;
    await writer.query("begin");
    try {
      await loadBatch(writer, batch("ports", { code: "twice", name: "P", parent_slug: "north" }));
      await assert.rejects(loadBatch(other, batch("regions", { slug: "twice", name: "R" })), { code: "55P03" });
    } finally {
      await writer.query("rollback");
      await other.query("rollback");
    }
  });
});
