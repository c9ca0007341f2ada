import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unitTests } from "./unitTests.ts";

describe("selection of unit tests", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rates-unit-"));
    mkdirSync(join(root, "runtime/testing"), { recursive: true });
    writeFileSync(join(root, "runtime/testing/cluster.ts"), "export const x = 1;");
    writeFileSync(join(root, "pure.ts"), 'import { y } from "./circle.ts";');
    writeFileSync(join(root, "circle.ts"), 'import { z } from "./pure.ts";');
    writeFileSync(join(root, "spawns.ts"), 'import { spawn } from "node:child_process";');
    writeFileSync(join(root, "shared.ts"), 'import { x } from "./runtime/testing/cluster.ts";');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("selects tests without a database or process, following imports at any depth", () => {
    const write = (name: string, imported: string) =>
      writeFileSync(join(root, name), `import { a } from "./${imported}";`);
    write("a.test.ts", "pure.ts");
    write("b.test.ts", "spawns.ts");
    write("c.test.ts", "shared.ts");
    assert.deepEqual(unitTests(root, ["a.test.ts", "b.test.ts", "c.test.ts"]), ["a.test.ts"]);
  });
});
