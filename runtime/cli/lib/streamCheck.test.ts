import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { StreamCheck } from "./streamCheck.ts";

const HEADER = "orig_code,dest_code,day,price\n";
const CHUNK = 64 * 1024;

describe("the check of a stream", () => {
  /**
   * Adds a first chunk, then another chunk many times.
   * @returns the error's message; undefined without an error
   */
  const refusal = (
    first: string | Buffer,
    repeated: string | Buffer,
    { format = "csv" as "csv" | "ndjson", compression = "none" as "none" | "gzip", target = "prices" } = {},
  ): string | undefined => {
    const check = new StreamCheck("stdin", () => ({ format, compression }), target);
    const chunk = Buffer.from(repeated)
      .toString("latin1")
      .repeat(Math.ceil(CHUNK / Buffer.byteLength(repeated)));
    let total = 0;
    try {
      for (const bytes of [Buffer.from(first), ...Array<Buffer>(64).fill(Buffer.from(chunk, "latin1"))]) {
        total += bytes.length;
        check.add(bytes, total);
      }
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  };

  it("accepts rows of the target, also after a byte order mark or compressed", () => {
    assert.equal(refusal(HEADER, "A,B,2021-01-01,1\n"), undefined);
    assert.equal(refusal(`\uFEFF${HEADER}`, "A,B,2021-01-01,1\r"), undefined);
    assert.equal(refusal("slug,name,parent_slug\n", "a,b,c\n", { target: "regions" }), undefined);
    assert.equal(refusal("", '{"orig_code":"A"}\n', { format: "ndjson" }), undefined);
    const rows = gzipSync(HEADER + Array.from({ length: 50_000 }, () => `A,B,2021-01-01,${Math.random()}\n`).join(""));
    assert(rows.length > 2 * CHUNK);
    assert.equal(refusal(rows, "x", { compression: "gzip" }), undefined);
  });

  it("accepts gzip data that is repetitive, has several members or is damaged", () => {
    const gzipRefusal = (text: string) => refusal(gzipSync(text), "x", { compression: "gzip" });
    assert.equal(gzipRefusal(HEADER + "AEJEA,ITSPE,2021-01-01,1500\n".repeat(1_000_000)), undefined);
    const members = Buffer.concat([gzipSync(HEADER), gzipSync("AEJEA,ITSPE,2021-01-01,1500\n".repeat(1_000_000))]);
    assert.equal(refusal(members, "x", { compression: "gzip" }), undefined);
    const objects = '{"orig_code":"AEJEA","dest_code":"ITSPE","day":"2021-01-01","price":1500}\n'.repeat(500_000);
    assert.equal(refusal(gzipSync(objects), "x", { format: "ndjson", compression: "gzip" }), undefined);
    const damaged = Buffer.concat([gzipSync("").subarray(0, 10), Buffer.alloc(CHUNK, 0xff)]);
    assert.equal(refusal(damaged, "x", { compression: "gzip" }), undefined, "the platform reports the damage");
  });

  it("accepts objects whose white space has carriage returns", () =>
    assert.equal(refusal("", '{"orig_code":"A",\r"dest_code":"B"}\r\n', { format: "ndjson" }), undefined));

  it("passes only the first 4,096 bytes to the detection of the format", () => {
    const sizes: number[] = [];
    const check = new StreamCheck("stdin", (start) => {
      sizes.push(start.length);
      return { format: "csv", compression: "none" };
    });
    check.add(Buffer.from(HEADER.repeat(CHUNK / 10)), HEADER.length * (CHUNK / 10));
    assert.deepEqual(sizes, [4_096]);
  });

  for (const [name, first, repeated, options, expected] of [
    ["zeros", "", "\0", {}, /^The header of the source does not match .*line 1 \(\\u0000/],
    ["lines without a header", "", "y\n", {}, /line 1 \(y\) names no column/],
    ["another header", "slug,name,parent_slug\n", "a,b,c\n", {}, /columns of prices/],
    ["zeros after the header", HEADER, "\0", {}, /has a line that does not end within 1048576 bytes/],
    [
      "another kind of file",
      "%PDF-1.7\n",
      "x\n",
      {},
      /looks like a PDF document\. Export its rows as CSV \(UTF-8\)\. R/,
    ],
    [
      "compressed zeros after the header",
      gzipSync(Buffer.concat([Buffer.from(HEADER), Buffer.alloc(100 << 20)])),
      "\0",
      { compression: "gzip" },
      /has a line that does not end within 1048576 bytes/,
    ],
    [
      "compressed zeros",
      gzipSync(Buffer.alloc(100 << 20)),
      "\0",
      { compression: "gzip" },
      /line 1 \(\\u0000.* names no/,
    ],
    ["objects of another table", "", '{"a":1}\n', { format: "ndjson" }, /no column of prices \(orig_code, dest_code/],
    ["lists", "", "[1]\n", { format: "ndjson" }, /first line is not a JSON object/],
    ["an endless object", '{"orig_code":', "1", { format: "ndjson" }, /line that does not end/],
  ] as const)
    it(`refuses ${name}`, () => {
      const message = refusal(first, repeated, options);
      assert.match(message ?? "", expected);
      assert.match(message ?? "", / Reading stopped; nothing was sent\.$/);
    });

  it("leaves short streams to the platform", () => {
    const check = new StreamCheck("stdin", () => assert.fail("checked"));
    check.add(Buffer.from("y\n".repeat(100)), 200);
  });
});
