import { GLUE_DPU_SIZES, LIMITS } from "../../infra/limits/limits.ts";
import { excess, quotaSchema, quotaShare, quotas } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { GLUE_JOB } from "../types.ts";
import { UNRESOLVED, type Unresolved } from "../value.ts";

const GLUE = documented("AWS General Reference, AWS Glue endpoints and quotas");
const RUNS = "executionProperty.maxConcurrentRuns";

/** DPUs of a worker, by its type (AWS Glue API Reference, Job). */
const WORKER_DPUS: Readonly<Record<string, number>> = {
  Standard: 1,
  "G.025X": 0.25,
  "G.1X": 1,
  "G.2X": 2,
  "G.4X": 4,
  "G.8X": 8,
  "G.12X": 12,
  "G.16X": 16,
  "R.1X": 1,
  "R.2X": 2,
  "R.4X": 4,
  "R.8X": 8,
  "Z.2X": 2,
};
/** DPUs of a run whose job sets no size, by the command's name (same source). */
const DEFAULT_DPUS: Readonly<Record<string, number>> = { pythonshell: GLUE_DPU_SIZES[0].dpu, gluestreaming: 2 };
const DEFAULT_SPARK_DPUS = 10;

const commandName = (job: Resource) => job.at("command.name").text("glueetl");

/** Returns the DPUs of one run of a job. */
function dpusOf(job: Resource): number | Unresolved {
  const maxCapacity = job.at("maxCapacity").number(undefined);
  const command = commandName(job);
  if (maxCapacity === UNRESOLVED || command === UNRESOLVED) return UNRESOLVED;
  // The provider returns 0 for a missing value.
  if (maxCapacity !== undefined && maxCapacity > 0) return maxCapacity;
  const workers = job.at("numberOfWorkers").number(0);
  const type = job.at("workerType").text("G.1X");
  if (workers === UNRESOLVED || type === UNRESOLVED) return UNRESOLVED;
  if (workers === 0) return DEFAULT_DPUS[command] ?? DEFAULT_SPARK_DPUS;
  // An unknown type counts as the largest known type.
  return workers * (WORKER_DPUS[type] ?? Math.max(...Object.values(WORKER_DPUS)));
}

/** Returns the maximum concurrent runs of each job, and the DPUs per run. */
const jobCapacities = (stack: Stack): { job: Resource; runs: number; dpus: number }[] =>
  stack.of(GLUE_JOB).flatMap((job) => {
    const runs = job.at(RUNS).number(1);
    const dpus = dpusOf(job);
    return runs === UNRESOLVED || dpus === UNRESOLVED ? [] : [{ job, runs, dpus }];
  });

/** Glue refuses to start runs beyond the quota. */
export const glueRuns = stackRule({
  name: "glue-concurrent-runs",
  description: "All Glue jobs together, and each by itself, have no more concurrent runs than the account's quotas.",
  framework: GLUE,
  remediation:
    "Lower executionProperty.maxConcurrentRuns, or have quota L-5E4153CA raised and enter it in the stack's quotas.",
  settings: { ...quotas("glueRuns", "share"), glueRunsPerJob: quotaSchema("glueRunsPerJob") },
  check(stack, report, settings) {
    const { limit, source } = quotaShare("glueRuns", settings);
    const jobs = jobCapacities(stack);
    const total = jobs.reduce((sum, { runs }) => sum + runs, 0);
    for (const { job, runs } of jobs) {
      const { glueRunsPerJob: perJob } = settings;
      if (runs > perJob)
        report(
          job,
          `${RUNS} is ${runs}, ${runs - perJob} more than Glue's maximum of ${perJob} per job (${LIMITS.glueRunsPerJob.quota.code}): lower it.`,
        );
      if (total > limit && runs === Math.max(...jobs.map(({ runs }) => runs)))
        report(
          job,
          `the program's jobs may have ${total} runs at once, ${excess(total, limit)} more than ${source}: lower ${RUNS} (${runs} here).`,
        );
    }
  },
});

/** The DPU quota is per account. */
export const glueDpus = stackRule({
  name: "glue-dpus",
  description: "All concurrent Glue runs together use no more DPUs than the account's quota.",
  framework: GLUE,
  remediation:
    "Lower maxConcurrentRuns, maxCapacity or the workers, or have quota L-08F3B322 raised and enter it in the stack's quotas.",
  settings: quotas("glueDpus", "share"),
  check(stack, report, settings) {
    const { limit, source } = quotaShare("glueDpus", settings);
    const jobs = jobCapacities(stack);
    const total = jobs.reduce((sum, { runs, dpus }) => sum + runs * dpus, 0);
    const largest = jobs.toSorted((a, b) => b.runs * b.dpus - a.runs * a.dpus)[0];
    if (largest !== undefined && total > limit)
      report(
        largest.job,
        `the program's runs may use ${total} DPUs at once, ${excess(total, limit)} more than ${source}: lower ${RUNS} (${largest.runs} here) or the size of a run (${largest.dpus}).`,
      );
  },
});

/**
 * Default timeout of Spark jobs in recent Glue versions, in minutes. AWS's API reference names only the earlier default;
 * a job created with Glue 5.1 had this value (github.com/go-to-k/cdk-real-drift/issues/1566).
 */
const RECENT_SPARK_TIMEOUT = 480;

/** Glue's default timeout is eight hours or two days. */
export const glueJob = resourceRule({
  name: "glue-job-limits",
  description:
    "A Glue job has a valid timeout and a size that its type allows, and does not combine queueing with retries.",
  framework: documented("AWS Glue API Reference, Job"),
  remediation:
    "Set timeout in minutes, maxCapacity to 0.0625 or 1 for a Python shell, and maxRetries to 0 if jobRunQueuingEnabled is true.",
  types: [GLUE_JOB],
  check(job, report) {
    const timeout = job.at("timeout").number(undefined);
    const command = commandName(job);
    const maxTimeout = LIMITS.glueTimeoutMax.value;
    // A streaming job needs no timeout, since it runs continuously.
    if (command !== "gluestreaming") {
      if (timeout === undefined)
        report(
          job,
          `timeout is not set, so Glue stops a run only after ${LIMITS.glueDefaultTimeout.value} minutes${command === "glueetl" ? ` (${RECENT_SPARK_TIMEOUT} in recent Glue versions)` : ""}: set it.`,
        );
      else if (timeout !== UNRESOLVED && (timeout < 1 || timeout > maxTimeout))
        report(job, `timeout is ${timeout} minutes: set it between 1 and ${maxTimeout}.`);
    }
    const dpus = job.at("maxCapacity").number(undefined);
    const offeredSizes: number[] = GLUE_DPU_SIZES.map(({ dpu }) => dpu);
    if (command === "pythonshell" && typeof dpus === "number" && !offeredSizes.includes(dpus))
      report(job, `maxCapacity is ${dpus}: a Python shell accepts ${offeredSizes.join(" or ")} DPU.`);
    const retries = job.at("maxRetries").number(0);
    if (job.at("jobRunQueuingEnabled").flag(false) === true && typeof retries === "number" && retries > 0)
      report(job, `maxRetries is ${retries} with jobRunQueuingEnabled: Glue accepts 0 only.`);
  },
});

export const GLUE_RULES = [glueRuns, glueDpus, glueJob];
