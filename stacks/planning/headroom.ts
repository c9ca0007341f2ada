import { type CapacityPlan, CONNECTIONS_PER, EPSILON } from "../../infra/limits/capacity.ts";
import { RUNNERS, type RunnerType } from "../../runtime/contract/states.ts";
import type { StackConfig } from "../config/schema.ts";
import { stackSettings } from "../config/settings.ts";
import { runUsd } from "./cost.ts";
import { vcpusOf } from "./plan.ts";
import { type QuotaUsage, quotaUsageOf } from "./usage.ts";

/** A limit on the number of runs of a type. */
export interface Bound {
  /** Name of the limit: a configuration key or a description. */
  limit: string;
  /** Number of runs that this limit would allow, with everything else as planned. */
  runs: number;
  /** Change to the configuration or the account that raises the limit. */
  remedy: string;
}

/** Maximum number of runs of a type, with the limits that determine it, the tightest first. */
export interface Headroom {
  runs: number;
  bounds: readonly Bound[];
}

/** Returns how much of each limit one run of a type uses, without limits that runs do not use. */
const usePerRun = (config: StackConfig): Record<RunnerType, Partial<Record<QuotaUsage["id"], number>>> => ({
  glue: {
    glueRuns: 1,
    glueRunsPerJob: 1,
    glueDpus: config.runners.glue.dpu,
    connections: CONNECTIONS_PER.glueRun,
    addresses: 1,
  },
  ec2: { ec2Vcpus: vcpusOf(config), connections: CONNECTIONS_PER.ec2Instance, addresses: 1 },
});

/** Describes a limit for people. */
const limitText = ({ id, source, unit }: QuotaUsage): string =>
  id === "connections" ? `connections: ${source}` : id === "addresses" ? `${unit}: ${source}` : source;

/** Returns the limits on the runs of each type: the configured number, quotas, database, addresses. */
export function headroomOf(config: StackConfig, plan: CapacityPlan): Record<RunnerType, Headroom> {
  const runs = { glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances };
  const configured = {
    glue: { key: "runners.glue.maxRuns", value: config.runners.glue.maxRuns },
    ec2: { key: "runners.ec2.maxInstances", value: config.runners.ec2.maxInstances },
  };
  const usages = quotaUsageOf(config, plan);
  const runUse = usePerRun(config);
  const headroom = (runnerType: RunnerType): Headroom => {
    const bounds = usages.flatMap((usage): Bound[] => {
      const use = runUse[runnerType][usage.id];
      if (use === undefined) return [];
      const moreRuns = Math.floor((usage.limit - usage.used) / use + EPSILON);
      return [{ limit: limitText(usage), runs: runs[runnerType] + moreRuns, remedy: usage.remedy }];
    });
    const { key, value } = configured[runnerType];
    if (value !== undefined) bounds.unshift({ limit: key, runs: value, remedy: `raise ${key}, or leave it out` });
    // Stable sort: of equal limits the configured number comes first, since it is the easiest to change.
    return { runs: runs[runnerType], bounds: bounds.toSorted((a, b) => a.runs - b.runs) };
  };
  return { glue: headroom("glue"), ec2: headroom("ec2") };
}

/** Estimate of a burst of jobs. */
export interface Burst {
  /** Task of the jobs. */
  work: "reads" | "updates";
  jobs: number;
  /** Number of simultaneous jobs. */
  atOnce: number;
  byRunner: Record<RunnerType, number>;
  /** Maximum number of jobs that one run executes, one after another. */
  rounds: number;
  /** Seconds from the start of the first job to the end of the last. */
  seconds: number;
  /** Seconds that the last job waits for a run. */
  waitSeconds: number;
  /** Maximum additional seconds for starting runs; warm runs need none. */
  startSeconds: number;
  /** US dollars for the run time of all jobs. */
  usd: number;
}

/**
 * Estimates a burst of equal jobs, once as reads and once as updates, with all slots free. Reads use Glue, and EC2 if
 * the stack allows it and Glue is full; updates use EC2. A run executes one job after another.
 *
 * @param seconds - Duration of one job.
 */
export function burstOf(config: StackConfig, plan: CapacityPlan, jobs: number, seconds: number): Burst[] {
  const slots = { glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances };
  const usdPerHour = runUsd(config, plan);
  const { runners } = stackSettings(config, plan);
  return (["reads", "updates"] as const).map((work): Burst => {
    const usesRunner = { glue: work === "reads", ec2: work === "updates" || config.jobs.readsOnEc2 };
    const glue = usesRunner.glue ? Math.min(slots.glue, jobs) : 0;
    const byRunner = { glue, ec2: usesRunner.ec2 ? Math.min(slots.ec2, jobs - glue) : 0 };
    const atOnce = byRunner.glue + byRunner.ec2;
    const rounds = Math.ceil(jobs / atOnce);
    // All runs are busy until no job is left, so each type executes a share in proportion to its runs.
    const usd = RUNNERS.reduce(
      (sum, runnerType) => sum + (byRunner[runnerType] / atOnce) * jobs * (seconds / 3600) * usdPerHour[runnerType],
      0,
    );
    const used = RUNNERS.filter((runnerType) => byRunner[runnerType] > 0);
    const startSeconds = Math.max(...used.map((runnerType) => runners[runnerType].startSeconds));
    const total = rounds * seconds;
    return { work, jobs, atOnce, byRunner, rounds, seconds: total, waitSeconds: total - seconds, startSeconds, usd };
  });
}
