import type { JobDocument } from "./events.ts";
import { cloudLog, logLines } from "./runLog.ts";
import { plain } from "./screen.ts";

/** Origin of the logs of a job's runs. */
interface LogOrigin {
  /** True for the platform on this machine, whose logs are files. */
  isLocal: boolean;
  /** Finds the AWS region; called only for logs in AWS. */
  region(): Promise<string | undefined>;
}

/** Formats a job's attempts as lines: runner, run, outcome, and the log or the command that shows it. */
export async function attemptLines(
  attempts: JobDocument["attempts"],
  { isLocal, region }: LogOrigin,
): Promise<string[]> {
  const lines: string[] = [];
  for (const [index, attempt] of attempts.entries()) {
    const { runner, runId, outcome = "running", logLocation } = attempt;
    const file = isLocal && logLocation !== undefined ? `, log ${logLocation}` : "";
    lines.push(`  attempt ${index + 1}: ${runner} run ${runId}: ${outcome}${plain(file)}`);
    if (isLocal || logLocation === undefined) continue;
    const log = cloudLog(attempt, await region());
    if (log !== undefined) lines.push(...logLines(log).map((line) => `    ${plain(line)}`));
  }
  return lines;
}

/**
 * Returns the logs of a job's attempts for JSON: files of this machine, or groups, streams and links in CloudWatch.
 * An attempt without a recorded log has null.
 */
export async function attemptLogs(
  attempts: JobDocument["attempts"],
  { isLocal, region }: LogOrigin,
): Promise<(object | null)[]> {
  const logs: (object | null)[] = [];
  for (const attempt of attempts) {
    const { logLocation } = attempt;
    if (logLocation === undefined) logs.push(null);
    else logs.push(isLocal ? { file: logLocation } : (cloudLog(attempt, await region()) ?? null));
  }
  return logs;
}
