import type { JobDocument } from "../contract/document.ts";
import type { RunnerType } from "../contract/states.ts";
import type { Usage } from "../monitoring/totals.ts";
import type { Settings } from "../platform/settings.ts";

const SECONDS_PER_HOUR = 3_600;

/** Estimates the cost of run time at list prices. Returns undefined unless both runner types have a price. */
export function estimateUsd(
  { glueSeconds, ec2Seconds }: Pick<Usage, "glueSeconds" | "ec2Seconds">,
  { glue, ec2 }: Settings["runners"],
): number | undefined {
  const used = [
    { seconds: glueSeconds, price: glue.usdPerHour },
    { seconds: ec2Seconds, price: ec2.usdPerHour },
  ];
  if (used.some(({ price }) => price === undefined)) return undefined;
  return used.reduce((sum, { seconds, price = 0 }) => sum + (seconds / SECONDS_PER_HOUR) * price, 0);
}

/**
 * Estimates the cost of an ended job: the run time of all attempts at list prices. Returns undefined if the job has not
 * ended or never ran, or if the platform has no prices.
 */
export function estimateJobUsd(
  { finishedAt, attempts }: Pick<JobDocument, "finishedAt" | "attempts">,
  runners: Settings["runners"],
): number | undefined {
  if (finishedAt === undefined || attempts.length === 0) return undefined;
  const secondsOn = (type: RunnerType) =>
    attempts
      .filter(({ runner }) => runner === type)
      .reduce((sum, { startedAt, endedAt = finishedAt }) => sum + (Date.parse(endedAt) - Date.parse(startedAt)), 0) /
    1_000;
  const usd = estimateUsd({ glueSeconds: secondsOn("glue"), ec2Seconds: secondsOn("ec2") }, runners);
  return usd === undefined ? undefined : Math.max(0, usd);
}
