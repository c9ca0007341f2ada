import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../platform/root.ts";

const MOCHA = join(ROOT, "node_modules", "mocha", "bin", "mocha.js");
const REPORTER = join(ROOT, ".ci", "reporter.mjs");

describe("summary of npm test", () => {
  /**
   * Runs a test file with this source, as if these checks had failed before.
   *
   * @param failedChecks - End of the output of each failed check, by the check's name.
   * @returns Output, exit status and the last line of the output.
   */
  const run = (source: string, failedChecks: Readonly<Record<string, string>> = {}) => {
    const folder = mkdtempSync(join(tmpdir(), "rates-reporter-"));
    try {
      const file = join(folder, "some.test.cjs");
      writeFileSync(file, source);
      const env = {
        ...process.env,
        RATES_FAILED_CHECKS: JSON.stringify(failedChecks),
        NO_COLOR: "1",
        RATES_REQUIRE_ALL: "",
      };
      const args = [MOCHA, "--no-config", "--reporter", REPORTER, file];
      const { stdout, status } = spawnSync(process.execPath, args, { env, encoding: "utf8", cwd: folder });
      return { stdout, status, last: stdout.trimEnd().split("\n").at(-1) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it("counts passed, failed and skipped tests in the last line, and fails if a test failed", () => {
    const { stdout, status, last } = run(`
      it("works", () => {});
      it("fails", () => { throw new Error("as it must"); });
      it("waits [skipped: there is no such tool]", function () { this.skip(); });`);
    assert.equal(last, "1 passed, 1 failed, 1 skipped");
    assert.notEqual(status, 0);
    assert.match(stdout, /as it must/);
    assert.match(stdout, /\ntests: \d+\.\d min \(\d+\.\d s\)\n/);
    assert.match(stdout, /Skipped, there is no such tool:\n {2}- waits\n/);
  });

  it("counts checks that failed before the tests, and repeats the end of their output", () => {
    const { stdout, last } = run('it("works", () => {});', {
      types: "a.ts: no such type",
      "the guarantees under faults": "seed 105\nis broken\n",
    });
    assert.equal(last, "1 passed, 2 failed, 0 skipped");
    assert.match(stdout, /: types\. The end of its output:\na\.ts: no such type\n/);
    assert.match(stdout, /: the guarantees under faults\. The end of its output:\nseed 105\nis broken\n/);
  });

  it("exits with 0 when everything passed", () => {
    const { status, last } = run('it("works", () => {});');
    assert.deepEqual([status, last], [0, "1 passed, 0 failed, 0 skipped"]);
  });
});
