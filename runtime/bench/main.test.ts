import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

describe("the command of the benchmarks", () => {
  for (const wrong of ["--bogus", "--size=tiny", "nothing"])
    it(`exits with 2 and prints the usage, but no stack trace, for ${wrong}`, async () => {
      const child = spawn(process.execPath, [MAIN, wrong]);
      const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
      assert.equal(code, 2);
      assert.match(stderr, /^npm run bench -- \[--size /m);
      assert.doesNotMatch(stderr, /^ {4}at /m);
    });
});
