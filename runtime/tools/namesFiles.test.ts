import assert from "node:assert/strict";
import { ROOT } from "../platform/root.ts";
import { namesFiles } from "./namesFiles.ts";

describe("arguments of npm test", () => {
  for (const [args, expected] of [
    [[], false],
    [["runtime/tools/setup.test.ts"], true],
    [["--bail", "runtime/tools"], true],
    [["no/such.test.ts"], false],
    [["--grep", "policy"], false],
    [["-g", "policy", "policy"], true],
    [["--grep=policy"], false],
  ] as const)
    it(`${expected ? "name" : "do not name"} a file: ${args.join(" ") || "(none)"}`, () =>
      assert.equal(namesFiles(ROOT, args), expected));
});
