import assert from "node:assert/strict";
import { Lines } from "./lines.ts";

/** The bytes of a text, in chunks of a size. */
async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const never = () => new Error("the block did not end");

async function block(lines: Lines): Promise<string> {
  const found: Buffer[] = [];
  for await (const piece of lines.block(never)) found.push(piece);
  return Buffer.concat(found).toString();
}

describe("Lines", () => {
  const data = "a\\.\n\\.x\n \\.\n\\\\.\nÅlesund\t\\N\n";

  for (const size of [1, 2, 3, 5, 7, 64, 4096]) {
    it(`returns whole lines and COPY blocks from chunks of ${size} bytes`, async () => {
      const lines = new Lines(pieces(`first\n${data}\\.\nafter\n\\.\nlast`, size));
      assert.equal(String(await lines.next()), "first\n");
      assert.equal(await block(lines), data);
      assert.equal(lines.line, 7);
      assert.equal(String(await lines.next()), "after\n");
      assert.equal(await block(lines), "");
      assert.equal(String(await lines.next()), "last");
      assert.equal(lines.line, 10);
      assert.equal(await lines.next(), undefined);
    });
  }

  it("accepts Windows line ends, and the end of the file right after the block", async () => {
    assert.equal(await block(new Lines(pieces("a\r\n\\.\r\n", 4))), "a\r\n");
    assert.equal(await block(new Lines(pieces("a\n\\.", 4))), "a\n");
  });

  it("reports a block that is cut off", async () => {
    for (const text of ["", "a\n", "a\n\\", "a\n\\.x"])
      await assert.rejects(block(new Lines(pieces(text, 2))), never());
  });
});
