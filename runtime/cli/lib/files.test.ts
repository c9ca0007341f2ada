import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText } from "./files.ts";

describe("a text file whose path is not UTF-8", () => {
  let base: string;
  const bytes = (...names: string[]) => Buffer.from([base, ...names].join("/"), "latin1");
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "rates-files-"));
    mkdirSync(bytes("\xe9t\xe9"));
    writeFileSync(bytes("\xe9t\xe9", "na\xefve.sql"), "select 1");
  });
  afterEach(() => rmSync(base, { recursive: true }));

  // Node gives a program its arguments with U+FFFD in place of each byte that is not UTF-8.
  it("is found by its argument, also in a directory whose name is not UTF-8", () => {
    assert.equal(readText(join(base, "\uFFFDt\uFFFD", "na\uFFFDve.sql")), "select 1");
  });

  it("is refused if several names match the argument", () => {
    writeFileSync(bytes("\xe9t\xe9", "na\xeeve.sql"), "select 2");
    assert.throws(() => readText(join(base, "\uFFFDt\uFFFD", "na\uFFFDve.sql")), /names 2 files/);
  });

  it("is reported as missing if no name matches", () => {
    assert.throws(() => readText(join(base, "\uFFFDt\uFFFD", "\uFFFD.sql")), /there is no such file/);
    assert.throws(() => readText(join(base, "\uFFFD", "a.sql")), /there is no such file/);
  });
});
