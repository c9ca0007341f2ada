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
    "UTF-16 with a mark": [Buffer.from(`\uFEFF${HEADER}`, "utf16le"), /UTF-16\. Save it as UTF-8/],
    "UTF-16 without one": [Buffer.from(HEADER, "utf16le"), /UTF-16/],
    "UTF-16, the other way round": [Buffer.from(`\uFEFF${HEADER}`, "utf16le").swap16(), /UTF-16/],
    "an HTML page": ["\r\n<!DOCTYPE html><html><body>Sign in</body>", /an HTML page/],
    "an XML document": ["<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", /an XML document/],
    "a Parquet file": ["PAR1\x15\x04", /Parquet/],
  };
  for (const [name, [bytes, message]] of Object.entries(KINDS))
    it(`is refused by its name: ${name}`, async () => {
      await assert.rejects(read(bytes), { code: "InvalidHeader", message });
      await assert.rejects(read(bytes, "ndjson"), { code: "InvalidFormat", message });
    });

  it("is refused when it is text of the other format", async () => {
    for (const text of ['{"orig_code": "A"}\n', "{ }", '[{"orig_code": "A"}]', '\uFEFF[\n{"a": 1}\n]'])
      await assert.rejects(read(text), { code: "InvalidHeader", message: /looks like JSON.*format 'ndjson'/ });
    for (const text of ['[{"orig_code": "A"}]', "[\n{}\n]", "\n[]"])
      await assert.rejects(read(text, "ndjson"), { code: "InvalidFormat", message: /one JSON array/ });
  });

  it("is not seen in text, whose byte order mark alone is removed", async () => {
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
    ["orig_code,dest_code,da y,price", /'da y' is not a column: it has a space\. Write 'day'/],
  ] as const)
    it(`is refused with the cause: ${JSON.stringify(line)}`, () => {
      assert.throws(() => header(line), { code: "InvalidHeader", message });
    });
});
