import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ROOT } from "../../runtime/platform/root.ts";
import { textAsset } from "./asset.ts";

describe("a text that Pulumi receives as a file", () => {
  const path = async (name: string, text: string) => await textAsset(name, text).path;

  it("has a path with the hash of its content, so that the same text is always the same file", async () => {
    const text = `some text of ${process.pid}, ${process.hrtime.bigint()}\n`;
    const [first, second] = [await path("some.txt", text), await path("some.txt", `${text}more\n`)];
    assert.equal(dirname(first), join(ROOT, "node_modules", ".cache", "rates-platform"));
    assert.match(basename(first), /^[0-9a-f]{32}-some\.txt$/);
    assert.equal(readFileSync(first, "utf8"), text);
    assert.equal(await path("some.txt", text), first);
    assert.notEqual(second, first);
    for (const file of [first, second]) rmSync(file);
  });
});
