// Mocha's own `spec` with another end: failures in full, skipped tests grouped by their reason, and as the very last
// line `N passed, N failed, N skipped`.
import Mocha from "mocha";

const { Base, Spec } = Mocha.reporters;

/**
 * Format in which runtime/testing/cluster.ts writes the reason of a skip into a test's title, since workers report
 * titles.
 */
const REASON = / \[skipped: (.*)\]$/s;
/** Failed checks that runtime/tools/test.ts ran before: the end of each one's output, by name. */
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
    // Files that could not be loaded are reported after the end of the run: the last word waits for the end itself.
    process.once("exit", () => this.close());
  }

  close() {
    const { passes, failures, pending } = this.stats;
    const seconds = (this.stats.duration / 1000).toFixed(1);
    const minutes = (this.stats.duration / 60_000).toFixed(1);
    // A failure counts, however this process ends.
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
