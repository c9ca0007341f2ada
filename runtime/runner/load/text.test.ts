import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { readHeader } from "./header.ts";
import { TARGETS } from "./targets.ts";
import { textOf } from "./text.ts";

const HEADER = "orig_code,dest_code,day,price";
const read = async (bytes: Buffer | string, format: "csv" | "ndjson" = "csv", size = 5) => {
  const file = Buffer.from(bytes);
  const pieces = async function* () {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
  };
  const chunks: Buffer[] = [];
  for await (const chunk of textOf(pieces(), format, "prices")) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe("a file of another kind", () => {
  const KINDS: Record<string, [Buffer | string, RegExp]> = {
    "a spreadsheet": [
      "PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml",
      /spreadsheet \(\.xlsx.*Export the sheet as CSV/,
    ],
    "an old spreadsheet": [Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), /\.xls\)/],
    "a zip archive": ["PK\x03\x04\x14\0prices.csv", /a zip archive\. Unpack it/],
    "gzip under another name": [gzipSync(HEADER), /a gzip file\. Send it with compression 'gzip'/],
    "UTF-16 with a byte order mark": [Buffer.from(`\uFEFF${HEADER}`, "utf16le"), /UTF-16\. Save it as UTF-8/],
    "UTF-16 without a byte order mark": [Buffer.from(HEADER, "utf16le"), /UTF-16/],
    "UTF-16 in big-endian order": [Buffer.from(`\uFEFF${HEADER}`, "utf16le").swap16(), /UTF-16/],
    "an HTML page": ["\r\n<!DOCTYPE html><html><body>Sign in</body>", /an HTML page/],
    "an XML document": ["<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", /an XML document/],
    "a Parquet file": ["PAR1\x15\x04", /Parquet/],
    "a table saved as .xls": ["<table><tr><td>orig_code", /an HTML page/],
    "a file of compress": [Buffer.from([0x1f, 0x9d, 0x90, 0x61]), /compress \(\.Z\)\. Unpack it/],
    "a binary COPY file": ["PGCOPY\n\xff\r\n\0", /COPY … TO … \(FORMAT csv/],
    "a plain dump": ["--\n-- PostgreSQL database dump\n--\n", /pg_dump/],
    "a pointer of Git LFS": ["version https://git-lfs.github.com/spec/v1\noid sha256:1", /git lfs pull/],
    "an encrypted file": ["-----BEGIN PGP MESSAGE-----\n", /Decrypt it/],
  };
  for (const [name, [bytes, message]] of Object.entries(KINDS))
    it(`is refused with the name of its kind: ${name}`, async () => {
      await assert.rejects(read(bytes), { code: "InvalidHeader", message });
      await assert.rejects(read(bytes, "ndjson"), { code: "InvalidFormat", message });
    });

  it("is refused when it is text of the other format", async () => {
    for (const text of ['{"orig_code": "A"}\n', "{ }", '[{"orig_code": "A"}]', '\uFEFF[\n{"a": 1}\n]'])
      await assert.rejects(read(text), { code: "InvalidHeader", message: /looks like JSON.*format 'ndjson'/ });
    for (const text of ['[{"orig_code": "A"}]', "[\n{}\n]", "\n[]"])
      await assert.rejects(read(text, "ndjson"), { code: "InvalidFormat", message: /one JSON array/ });
  });

  it("is refused as NDJSON when it is CSV, JSON on several lines, or lines that end in CR", async () => {
    for (const [text, message] of [
      ['{\n  "a": 1\n}\n', /JSON on several lines.*each object on one line/],
      ['\uFEFF{\r\n\t"a": 1\r\n}', /JSON on several lines/],
      ['{"a":1}\r{"a":2}\r', /lines end in CR alone/],
      [`${HEADER}\nA,B,2021-01-01,1\n`, /looks like CSV.*format 'csv'/],
      ['"orig_code","dest_code"', /looks like CSV/],
    ] as const)
      await assert.rejects(read(text, "ndjson"), { code: "InvalidFormat", message });
    for (const text of ['{"a":1}\r\n{"a":2}\r\n', '{"a":"}\\r{"}', "a,1\n", "{", "{ }"])
      assert.equal(await read(text, "ndjson"), text);
  });

  it("is not detected in text, from which only a byte order mark is removed", async () => {
    for (const text of [HEADER, "P", "", "O,R\nC", `${HEADER}\n${"A,B,C,1\n".repeat(10_000)}`, "[,x", "{x,y"]) {
      assert.equal(await read(text), text);
      assert.equal(await read(`\uFEFF${text}`, "csv", 2), text);
      assert.equal(await read(`\uFEFF${text}`, "csv", 100_000), text);
    }
    assert.equal(await read('\uFEFF{"a":1}\n', "ndjson"), '{"a":1}\n');
  });
});

describe("a CSV header", () => {
  const header = (line: string) => readHeader(line, TARGETS.prices, "prices");
  it("names its columns in any order, in quotes or not", () => {
    assert.deepEqual(header('price, "day" ,dest_code,"orig_code"'), ["price", "day", "dest_code", "orig_code"]);
  });

  for (const [line, message] of [
    ["orig_code;dest_code;day;price", /separated by semicolons\. Separate them by commas/],
    ["orig_code\tdest_code\tday\tprice", /separated by tabs/],
    ["ORIG_CODE|DEST_CODE|DAY|PRICE", /separated by vertical bars/],
    ['"orig_code";"dest_code";"day";"price"', /separated by semicolons/],
    ["ORIG_CODE,DEST_CODE,Day,price", /'ORIG_CODE' is not a column: names are in lower case\. Write 'orig_code'\./],
    [
      "orig_code\u200B,dest_code,day,price",
      /'orig_code\\u200B' is not a column: it has a character that cannot be seen/,
    ],
    ["orig_code,dest_code,day,price\u00A0", /'price\\u00A0' is not a column/],
    ["orig_code,dest_code,day,\uFEFFprice", /'\\uFEFFprice' is not a column/],
    ["orig_code:dest_code:day:price", /separated by colons/],
    ["orig_code\x01dest_code\x01day\x01price", /separated by control characters/],
    ["orig_code，dest_code，day，price", /separated by fullwidth commas/],
    ["orig_code  dest_code day price", /separated by spaces/],
    ["sep=,", /line 1 \(sep=,\) is meant for a spreadsheet program\. Remove it/],
    ['"sep=;"', /Remove it, and separate by commas/],
    ["AAAAA,BBBBB,2021-01-01,5", /line 1 \(AAAAA,BBBBB,2021-01-01,5\) names no column; the header may be missing/],
    ["# made by a program", /names no column/],
    ["prices.orig_code,dest_code,day,price", /'prices\.orig_code' is not a column\. Write 'orig_code'/],
    ["origCode,Dest Code,day,price", /'origCode' is not a column\. Write 'orig_code'.*'Dest Code'.*Write 'dest_code'/],
    ["'orig_code',`dest_code`,[day],price", /Write 'orig_code'.*Write 'dest_code'.*Write 'day'/],
    ["orig_code,dest_code,day,price,", /'' is not a name: a comma begins or ends the line/],
    [",orig_code,dest_code,day,price", /'' is not a name: a comma begins/],
    ["orig_code,dest_code,da y,price", /'da y' is not a column: it has a space\. Write 'day'/],
  ] as const)
    it(`is refused with the cause: ${JSON.stringify(line)}`, () => {
      assert.throws(() => header(line), { code: "InvalidHeader", message });
    });

  it("is refused with its line", () => {
    assert.throws(
      () => readHeader("a", TARGETS.prices, "prices", 3),
      (error: { message: string; details: unknown[] }) => {
        assert.match(error.message, /line 3 \(a\) names no column.*Line 3 must name/);
        assert.deepEqual(error.details[1], { line: 3, column: "orig_code", value: null, reason: "is missing." });
        return true;
      },
    );
  });
});
