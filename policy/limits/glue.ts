import { GLUE_DPU_SIZES, LIMITS } from "../../stacks/limits.ts";
import { allowed, quotas } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { GLUE_JOB } from "../types.ts";
import { TROUBLE } from "../value.ts";

const GLUE = documented("AWS General Reference, AWS Glue endpoints and quotas");
const RUNS = "executionProperty.maxConcurrentRuns";

/** How many runs each job may have at once, and how many DPUs each of them takes. */
const sizes = (stack: Stack): { job: Resource; runs: number; dpus: number }[] =>
  stack.of(GLUE_JOB).flatMap((job) => {
    const runs = job.at(RUNS).number(1);
    const dpus = job.at("maxCapacity").number(undefined);
    const workers = dpus === undefined ? job.at("numberOfWorkers").number(undefined) : undefined;
    if (runs === TROUBLE || dpus === TROUBLE || workers === TROUBLE) return [];
    return [{ job, runs, dpus: dpus ?? workers ?? GLUE_DPU_SIZES[0].dpu }];
  });

/** Glue refuses the run that is one too many, and a job's message goes round. */
export const glueRuns = stackRule({
  name: "glue-concurrent-runs",
  description: "All Glue jobs together, and each by itself, have no more concurrent runs than the account.",
  framework: GLUE,
  remediation: "Lower executionProperty.maxConcurrentRuns, or have L-5E4153CA raised and say so in the stack's quotas.",
  settings: quotas("glueRuns", "share"),
  check(stack, report, settings) {
    const { limit, from } = allowed("glueRuns", settings);
    const jobs = sizes(stack);
    const together = jobs.reduce((sum, { runs }) => sum + runs, 0);
    for (const { job, runs } of jobs) {
      const perJob = LIMITS.glueRunsPerJob.value;
      if (runs > perJob)
        report(job, `${RUNS} is ${runs}, ${runs - perJob} more than the ${perJob} that Glue gives one job: lower it.`);
      if (together > limit && runs === Math.max(...jobs.map((one) => one.runs)))
        report(
          job,
          `the program's jobs may have ${together} runs at once, ${together - limit} more than ${from}: lower ${RUNS} (${runs} here).`,
        );
    }
  },
});

/** DPUs are counted over all jobs of an account. */
export const glueDpus = stackRule({
  name: "glue-dpus",
  description: "All concurrent Glue runs together take no more DPUs than the account has.",
  framework: GLUE,
  remediation: "Lower maxConcurrentRuns or maxCapacity, or have L-08F3B322 raised and say so in the stack's quotas.",
  settings: quotas("glueDpus", "share"),
  check(stack, report, settings) {
    const { limit, from } = allowed("glueDpus", settings);
    const jobs = sizes(stack);
    const together = jobs.reduce((sum, { runs, dpus }) => sum + runs * dpus, 0);
    const largest = jobs.toSorted((a, b) => b.runs * b.dpus - a.runs * a.dpus)[0];
    if (largest !== undefined && together > limit)
      report(
        largest.job,
        `the program's runs may take ${together} DPUs at once, ${together - limit} more than ${from}: lower ${RUNS} (${largest.runs} here) or maxCapacity (${largest.dpus}).`,
      );
  },
});

/** A run that hangs costs for two days where nobody said otherwise. */
export const glueJob = resourceRule({
  name: "glue-job-limits",
  description:
    "A Glue job names its timeout, a size that its kind comes in, and does not queue and retry runs at once.",
  framework: documented("AWS Glue API Reference, Job"),
  remediation:
    "Set timeout in minutes, maxCapacity to 0.0625 or 1 for a Python shell, and maxRetries to 0 beside jobRunQueuingEnabled.",
  types: [GLUE_JOB],
  check(job, report) {
    const timeout = job.at("timeout").number(undefined);
    const longest = LIMITS.glueShellTimeout.value;
    if (timeout === undefined)
      report(job, `timeout is not set, so that Glue lets a run go on for ${longest} minutes: set it.`);
    else if (timeout !== TROUBLE && (timeout < 1 || timeout > longest))
      report(job, `timeout is ${timeout} minutes: set it between 1 and ${longest}.`);
    const kind = job.at("command.name").text("glueetl");
    const dpus = job.at("maxCapacity").number(undefined);
    const offered: number[] = GLUE_DPU_SIZES.map(({ dpu }) => dpu);
    if (kind === "pythonshell" && typeof dpus === "number" && !offered.includes(dpus))
      report(job, `maxCapacity is ${dpus}: a Python shell takes ${offered.join(" or ")} DPU.`);
    const retries = job.at("maxRetries").number(0);
    if (job.at("jobRunQueuingEnabled").flag(false) === true && typeof retries === "number" && retries > 0)
      report(job, `maxRetries is ${retries} with jobRunQueuingEnabled: Glue takes 0 only.`);
  },
});

export const GLUE_RULES = [glueRuns, glueDpus, glueJob];
