import assert from "node:assert/strict";
import { Lines } from "./lines.ts";

/** Yields the bytes of a text in chunks of `size` bytes. */
async function* chunks(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const unterminated = () => new Error("the block did not end");

async function block(lines: Lines): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of lines.block(unterminated)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("Lines", () => {
  const data = "a\\.\n\\.x\n \\.\n\\\\.\nÅlesund\t\\N\n";

  for (const size of [1, 2, 3, 5, 7, 64, 4096]) {
    it(`returns whole lines and COPY blocks from chunks of ${size} bytes`, async () => {
      const lines = new Lines(chunks(`first\n${data}\\.\nafter\n\\.\nlast`, size));
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

  it("accepts Windows line endings, and the end of the file right after the block", async () => {
    assert.equal(await block(new Lines(chunks("a\r\n\\.\r\n", 4))), "a\r\n");
    assert.equal(await block(new Lines(chunks("a\n\\.", 4))), "a\n");
  });

  it("reports a block that is cut off", async () => {
    for (const text of ["", "a\n", "a\n\\", "a\n\\.x"])
      await assert.rejects(block(new Lines(chunks(text, 2))), unterminated());
  });
});
