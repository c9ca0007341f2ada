import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { gunzip } from "./gunzip.ts";

const member = (text: string) => gzipSync(text);
const ZEROS = Buffer.alloc(1_000);

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const unpack = async (bytes: Buffer, size = 7) => {
  const chunks: Buffer[] = [];
  for await (const chunk of gunzip(pieces(bytes, size), "x.gz", 10_000_000)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe("unpacking gzip", () => {
  const VALID: Record<string, [Buffer, string]> = {
    "one member": [member("a"), "a"],
    "several members": [
      Buffer.concat([member("a"), member(""), member("b".repeat(100_000))]),
      `a${"b".repeat(100_000)}`,
    ],
    "zeros at the end": [Buffer.concat([member("a"), ZEROS]), "a"],
    "zeros after several members": [Buffer.concat([member("a"), member("b"), ZEROS]), "ab"],
  };
  const BROKEN: Record<string, Buffer> = {
    "a zero byte between two members": Buffer.concat([member("a"), Buffer.from([0]), member("b")]),
    "many zeros between two members": Buffer.concat([member("a"), ZEROS, member("b")]),
    "text after the member": Buffer.concat([member("a"), Buffer.from("text")]),
    "text after zeros": Buffer.concat([member("a"), ZEROS, Buffer.from("text")]),
    "one byte of a header after the member": Buffer.concat([member("a"), Buffer.from([0x1f])]),
    "a second member that is cut off": Buffer.concat([member("a"), member("bbbb").subarray(0, -3)]),
    "a member without its checksum": member("aaaa").subarray(0, -8),
    "a wrong checksum": Buffer.concat([member("aaaa").subarray(0, -8), Buffer.alloc(8)]),
    "no bytes": Buffer.alloc(0),
    "zeros alone": ZEROS,
    "plain text": Buffer.from("orig_code,dest_code\n"),
    Zstandard: zstdCompressSync("a"),
  };
  for (const size of [1, 7, 100_000]) {
    for (const [name, [bytes, text]] of Object.entries(VALID))
      it(`reads ${name}, in pieces of ${size}`, async () => assert.equal(await unpack(bytes, size), text));
    for (const [name, bytes] of Object.entries(BROKEN))
      it(`refuses ${name}, in pieces of ${size}`, async () => {
        await assert.rejects(unpack(bytes, size), { code: "InvalidCompression" });
      });
  }

  it("names the kind of a file that is not gzip", async () => {
    await assert.rejects(unpack(zstdCompressSync("a"), 100), { message: /it is a Zstandard file/ });
    await assert.rejects(unpack(Buffer.from("a,b\n"), 100), { message: /it is not compressed, or not by gzip/ });
    // The first byte alone is also the first byte of gzip.
    for (const size of [1, 100])
      await assert.rejects(unpack(Buffer.from([0x1f, 0x9d, 0x90, 0x61]), size), {
        message: /it is a file of compress/,
      });
  });

  it("names the cause of invalid data", async () => {
    for (const [bytes, message] of [
      [Buffer.concat([member("a"), Buffer.from("text")]), /it has data after its end that is not gzip/],
      [member("a").subarray(0, -3), /it is empty or cut off/],
      [Buffer.alloc(0), /it is empty or cut off/],
      [Buffer.concat([member("aaaa").subarray(0, -8), Buffer.alloc(8)]), /its checksum is wrong/],
      [Buffer.concat([member("aaaa").subarray(0, -4), Buffer.alloc(4)]), /its length is wrong/],
    ] as const)
      await assert.rejects(unpack(bytes), { code: "InvalidCompression", message });
  });

  it("reads what gzip reads, and refuses what gzip refuses or warns about", async function () {
    if (spawnSync("gzip", ["--version"]).status !== 0) return this.skip();
    this.timeout(60_000);
    const part = fc.oneof(
      fc.string({ maxLength: 20 }).map((text) => member(text)),
      fc.constantFrom(Buffer.from([0]), Buffer.alloc(9), Buffer.from("x"), Buffer.from([0x1f, 0x8b])),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 30 }),
        async (parts, size) => {
          const bytes = Buffer.concat(parts);
          const { status, stdout } = spawnSync("gzip", ["-dc"], { input: bytes });
          const ours = await unpack(bytes, size).catch((error) => error.code);
          if (status === 0) assert.equal(ours, stdout.toString());
          else assert.equal(ours, "InvalidCompression");
        },
      ),
      { numRuns: 100 },
    );
  });
});
