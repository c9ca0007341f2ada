import { type CapacityPlan, CONNECTIONS_PER } from "../../infra/limits/capacity.ts";
import { RUNNERS, type RunnerType } from "../../runtime/contract/states.ts";
import type { StackConfig } from "../config/schema.ts";
import { stackSettings } from "../config/settings.ts";
import { runUsd } from "./cost.ts";
import { vcpusOf } from "./plan.ts";
import { EPSILON, type QuotaUsage, quotaUsageOf } from "./usage.ts";

/** What keeps a runner kind from having more runs. */
export interface Bound {
  /** The limit's name: a key of the stack's configuration, or what it is. */
  limit: string;
  /** Runs that it would allow, all else as planned. */
  runs: number;
  /** How to have more. */
  remedy: string;
}

/** How many runs of a kind there may be, and why not more: the tightest bound first. */
export interface Headroom {
  runs: number;
  bounds: readonly Bound[];
}

/** Use of each limit by one run of a type; runs do not count against the others. */
const perRun = (config: StackConfig): Record<RunnerType, Partial<Record<QuotaUsage["id"], number>>> => ({
  glue: {
    glueRuns: 1,
    glueRunsPerJob: 1,
    glueDpus: config.runners.glue.dpu,
    connections: CONNECTIONS_PER.glueRun,
    addresses: 1,
  },
  ec2: { ec2Vcpus: vcpusOf(config), connections: CONNECTIONS_PER.ec2Instance, addresses: 1 },
});

/** A limit as people read it. */
const limitName = ({ id, from, unit }: QuotaUsage): string =>
  id === "connections" ? `connections: ${from}` : id === "addresses" ? `${unit}: ${from}` : from;

/** What limits the runs of each kind: the configuration's own number where it has one, quotas, database, addresses. */
export function headroomOf(config: StackConfig, plan: CapacityPlan): Record<RunnerType, Headroom> {
  const runs = { glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances };
  const own = {
    glue: { key: "runners.glue.maxRuns", set: config.runners.glue.maxRuns },
    ec2: { key: "runners.ec2.maxInstances", set: config.runners.ec2.maxInstances },
  };
  const usages = quotaUsageOf(config, plan);
  const per = perRun(config);
  const headroom = (kind: RunnerType): Headroom => {
    const bounds = usages.flatMap((usage): Bound[] => {
      const each = per[kind][usage.id];
      if (each === undefined) return [];
      const more = Math.floor((usage.limit - usage.used) / each + EPSILON);
      return [{ limit: limitName(usage), runs: runs[kind] + more, remedy: usage.remedy }];
    });
    const { key, set } = own[kind];
    if (set !== undefined) bounds.unshift({ limit: key, runs: set, remedy: `raise ${key}, or leave it out` });
    // Stable: of two that are as tight the configuration's own number comes first, which is the easiest to change.
    return { runs: runs[kind], bounds: bounds.toSorted((a, b) => a.runs - b.runs) };
  };
  return { glue: headroom("glue"), ec2: headroom("ec2") };
}

/** What so many jobs at once would take, done by some of the runs. */
export interface Burst {
  /** What the jobs are. */
  work: "reads" | "updates";
  jobs: number;
  /** Jobs at once. */
  atOnce: number;
  byRunner: Record<RunnerType, number>;
  /** How many jobs each run does, one after another. */
  rounds: number;
  /** From the first start of a job to the last job's end. */
  seconds: number;
  /** How long the last job waits for its turn. */
  waitSeconds: number;
  /** Before that, at most: what a run may take to start. A warm run starts nothing. */
  startSeconds: number;
  /** US dollars for the time that the jobs run. */
  usd: number;
}

/**
 * What a burst of so many jobs, of so many seconds each, would take with all runs to itself. Reads go to Glue, and to
 * EC2 where the stack lets them and Glue is full; updates go to EC2. A run takes one job after another.
 */
export function burstOf(config: StackConfig, plan: CapacityPlan, jobs: number, seconds: number): Burst[] {
  const slots = { glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances };
  const hour = runUsd(config, plan);
  const { runners } = stackSettings(config, plan);
  return (["reads", "updates"] as const).map((work): Burst => {
    const takes = { glue: work === "reads", ec2: work === "updates" || config.jobs.readsOnEc2 };
    const glue = takes.glue ? Math.min(slots.glue, jobs) : 0;
    const byRunner = { glue, ec2: takes.ec2 ? Math.min(slots.ec2, jobs - glue) : 0 };
    const atOnce = byRunner.glue + byRunner.ec2;
    const rounds = Math.ceil(jobs / atOnce);
    // All runs work until the jobs give out, so that each kind does its part of them.
    const usd = RUNNERS.reduce(
      (sum, kind) => sum + (byRunner[kind] / atOnce) * jobs * (seconds / 3600) * hour[kind],
      0,
    );
    const used = RUNNERS.filter((kind) => byRunner[kind] > 0);
    const startSeconds = Math.max(...used.map((kind) => runners[kind].startSeconds));
    const total = rounds * seconds;
    return { work, jobs, atOnce, byRunner, rounds, seconds: total, waitSeconds: total - seconds, startSeconds, usd };
  });
}
