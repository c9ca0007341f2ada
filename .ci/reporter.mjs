// Mocha's `spec` reporter with a different summary: failures in full, skipped tests grouped by their reason, and
// `N passed, N failed, N skipped` as the very last line.
import Mocha from "mocha";

const { Base, Spec } = Mocha.reporters;

/**
 * Reason for a skip. runtime/testing/cluster.ts appends it to the test's title, since mocha's workers pass the reporter
 * no other text of a skipped test.
 */
const REASON = / \[skipped: (.*)\]$/s;
/** End of the output of each failed check, by the check's name. runtime/tools/test.ts runs the checks before the tests. */
const failedChecks = Object.entries(JSON.parse(process.env.RATES_FAILED_CHECKS || "{}"));
const NO_REASON = "no reason given";

export default class Reporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    this.skipped = new Map();
    runner.on("pending", (test) => {
      const title = test.titlePath().join(" › ");
      const reason = REASON.exec(title)?.[1] ?? NO_REASON;
      this.skipped.set(reason, [...(this.skipped.get(reason) ?? []), title.replace(REASON, "")]);
    });
  }

  epilogue() {
    // Only after the run does Mocha report files that it could not load, so the summary waits until the process exits.
    process.once("exit", () => this.close());
  }

  close() {
    const { passes, failures, pending } = this.stats;
    const seconds = (this.stats.duration / 1000).toFixed(1);
    const minutes = (this.stats.duration / 60_000).toFixed(1);
    // A failed test makes the exit code non-zero, whatever mocha sets.
    if (failures > 0) process.exitCode ||= 1;
    if (this.failures.length > 0) Base.list(this.failures);
    for (const [reason, titles] of this.skipped) {
      Base.consoleLog(`\nSkipped, ${reason}:`);
      for (const title of titles) Base.consoleLog(`  - ${title}`);
    }
    for (const [name, output] of failedChecks)
      Base.consoleLog(`\nFailed before the tests began: ${name}. The end of its output:\n${output.trimEnd()}`);
    Base.consoleLog(`\ntests: ${minutes} min (${seconds} s)`);
    Base.consoleLog(`${passes} passed, ${failures + failedChecks.length} failed, ${pending} skipped`);
  }
}
