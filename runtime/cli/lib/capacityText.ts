import type { CapacityPlan } from "../../../infra/limits/capacity.ts";
import { LIMITS } from "../../../infra/limits/limits.ts";
import { isRdsClass } from "../../../stacks/config/checks.ts";
import type { StackConfig } from "../../../stacks/config/schema.ts";
import { type Burst, type Headroom, headroomOf } from "../../../stacks/planning/headroom.ts";
import { memoryOf, vcpusOf } from "../../../stacks/planning/plan.ts";
import { smallJobCapacity } from "../../../stacks/planning/smallJobs.ts";
import { quotaUsageOf } from "../../../stacks/planning/usage.ts";
import { RUNNER_NAMES, RUNNERS, type RunnerType } from "../../contract/states.ts";
import { blocks } from "./progress.ts";
import { dim, durationText } from "./screen.ts";
import { table, wrapText } from "./table.ts";

/** Width of the bars, in columns. */
const BAR_WIDTH = 10;
/** Minimum terminal width for bars in the table of limits, in columns. */
const MIN_WIDTH_FOR_BARS = 100;
/** Indentation of the lines below a runner type's name, in columns. */
const INDENT = 6;
const count = (value: number) => (Math.round(value * 1000) / 1000).toLocaleString("en");

/** Current runs and slots of a running platform, per runner type. */
export type Live = Record<RunnerType, { running: number; slots: number }>;

/** Formats the capacity of a stack and the limits that determine it, for a terminal with `width` columns. */
export function capacityText(
  stack: string,
  { config, plan, live }: { config: StackConfig; plan: CapacityPlan; live?: Live | undefined },
  width: number,
): string {
  const { account, quotas } = config;
  const headrooms = headroomOf(config, plan);
  return [
    `Stack ${stack}: account ${account.id} in ${account.region}, ${Math.round(quotas.share * 100)} % of its quotas`,
    "",
    ...RUNNERS.flatMap((runnerType) =>
      runnerLines(runnerType, headrooms[runnerType], runText(runnerType, config, plan), live, width),
    ),
    "",
    limitTable(config, plan, width),
    "",
    ...smallJobsLines(config, width),
    "",
    connectionTable(plan, width),
  ].join("\n");
}

/** Formats the number of small jobs per second that the stack's database can process, and the limit that determines it. */
function smallJobsLines({ database }: StackConfig, width: number): string[] {
  if (!isRdsClass(database.instanceClass)) return [];
  const { perSecond, limit, baselinePerSecond } = smallJobCapacity(database.instanceClass, database.storageGb);
  const remedy = {
    processor: "use a larger database.instanceClass",
    disk: `set database.storageGb to ${LIMITS.rdsGp3LargeGb.value} or more, or send fewer, larger jobs`,
  };
  const text = [
    `about ${count(Math.floor(perSecond))} small jobs per second, limited by its ${limit}; for more, ${remedy[limit]}`,
    ...(baselinePerSecond === undefined
      ? []
      : [
          `${count(Math.floor(baselinePerSecond))} of them without CPU credits, which RDS bills if the average use is higher`,
        ]),
  ];
  return text
    .flatMap((line) => wrapText(line, width - DATABASE_LABEL.length - 2))
    .map((line, index) => `${(index === 0 ? DATABASE_LABEL : "").padEnd(DATABASE_LABEL.length + 2)}${line}`);
}
const DATABASE_LABEL = "Database";

const runText = (runnerType: RunnerType, config: StackConfig, plan: CapacityPlan): string => {
  const memory = `${memoryOf(config)[runnerType] / 2 ** 30} GiB`;
  return runnerType === "glue"
    ? `${plan.glue.dpuPerRun} DPU and ${memory} each, for reads`
    : `${config.runners.ec2.instanceType} with ${vcpusOf(config)} vCPUs and ${memory} each, for updates${config.jobs.readsOnEc2 ? " and reads" : ""}`;
};

function runnerLines(
  runnerType: RunnerType,
  { runs, bounds }: Headroom,
  run: string,
  live: Live | undefined,
  width: number,
) {
  const [first, second] = bounds;
  const current = live?.[runnerType];
  const notes = [
    `${count(runs)} runs at once: ${run}`,
    ...(current ? [`${current.running} of ${current.slots} running now`] : []),
    ...(first ? [`limited by ${first.limit}; for more, ${first.remedy}`] : []),
    ...(second ? [`next limit: ${count(second.runs)}, by ${second.limit}`] : []),
  ];
  const lines = notes.flatMap((note) => wrapText(note, width - INDENT));
  return lines.map((line, index) => `${(index === 0 ? RUNNER_NAMES[runnerType].service : "").padEnd(INDENT)}${line}`);
}

/** Formats the plan's usage of each limit, with the most used limit first. */
function limitTable(config: StackConfig, plan: CapacityPlan, width: number): string {
  const rows = quotaUsageOf(config, plan)
    .map((usage) => ({ ...usage, share: usage.limit === 0 ? 1 : usage.used / usage.limit }))
    .toSorted((a, b) => b.share - a.share);
  const hasBars = width >= MIN_WIDTH_FOR_BARS;
  return table(
    ["FULL", ...(hasBars ? [""] : []), "USED", "OF", "WHAT", "LIMIT"],
    rows.map(({ share, used, limit, unit, source }) => [
      `${Math.floor(share * 100 + 1e-9)} %`,
      ...(hasBars ? [blocks(share, BAR_WIDTH)] : []),
      count(used),
      count(limit),
      withoutNote(unit),
      source,
    ]),
    width,
    { right: hasBars ? [0, 2, 3] : [0, 1, 2] },
  );
}

function connectionTable({ database }: CapacityPlan, width: number): string {
  const users = Object.entries(database.parts).toSorted(([, a], [, b]) => b - a);
  const free = database.usable - database.total;
  const rows: [string, number][] = [...users, ["free", free]];
  return table(
    ["CONNECTIONS OF", "", "MOST"],
    [
      ...rows.map(([user, maximum]) => [user, blocks(maximum / database.usable, BAR_WIDTH), count(maximum)]),
      ["usable", "", count(database.usable)],
      ["max_connections", "", count(database.maxConnections)],
    ],
    width,
    { right: [2] },
  );
}

/** Formats the duration and cost of bursts for a terminal with `width` columns. */
export function burstText(bursts: readonly Burst[], seconds: number, width: number): string {
  const [{ jobs } = { jobs: 0 }] = bursts;
  const runs = ({ byRunner }: Burst) =>
    RUNNERS.filter((runnerType) => byRunner[runnerType] > 0)
      .map((runnerType) => `${byRunner[runnerType]} ${RUNNER_NAMES[runnerType].service}`)
      .join(" + ");
  const lines = table(
    ["AS", "AT ONCE", "ROUNDS", "ALL DONE IN", "LAST WAITS", "COSTS", "RUNS"],
    bursts.map((burst) => [
      burst.work,
      count(burst.atOnce),
      count(burst.rounds),
      durationText(burst.seconds * 1000),
      durationText(burst.waitSeconds * 1000),
      `$${burst.usd.toFixed(2)}`,
      runs(burst),
    ]),
    width,
    { right: [1, 2, 3, 4, 5] },
  );
  const maxStartSeconds = Math.max(...bursts.map(({ startSeconds }) => startSeconds));
  return [
    `${count(jobs)} jobs of ${durationText(seconds * 1000)} at once, if no other jobs run:`,
    lines,
    ...[
      `Plus the start time of the first runs (at most ${durationText(maxStartSeconds * 1000)}); each run then takes one job after another.`,
      "Waiting jobs are stored in the database, at most jobs.maxWaiting per tenant.",
    ].flatMap((line) => wrapText(line, width).map((part) => dim(part))),
  ].join("\n");
}

/** "IP addresses (of the smallest subnet)" → "IP addresses" */
function withoutNote(unit: string): string {
  const noteStart = unit.search(/ \(| for /);
  return noteStart < 0 ? unit : unit.slice(0, noteStart);
}
