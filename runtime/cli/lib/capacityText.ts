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

/** Length of the bars. Columns. */
const BAR = 10;
/** Minimum terminal width for showing bars. Columns. */
const BARS_FROM = 100;
/** Indentation of the lines of a runner type, below its name. Columns. */
const INDENT = 6;
const count = (value: number) => (Math.round(value * 1000) / 1000).toLocaleString("en");

/** Runs in use and slots of a running platform, per runner type. */
export type Live = Record<RunnerType, { running: number; slots: number }>;

/** Formats the runs that fit a stack, and the limits, for a terminal with `width` columns. */
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
    ...RUNNERS.flatMap((kind) => runnerLines(kind, headrooms[kind], perJob(kind, config, plan), live, width)),
    "",
    limitTable(config, plan, width),
    "",
    ...smallJobsLines(config, width),
    "",
    connectionTable(plan, width),
  ].join("\n");
}

/** Formats the number of small jobs per second that the stack's database can process. */
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
          `${count(Math.floor(baselinePerSecond))} of them without CPU credits, which RDS bills for on average use above`,
        ]),
  ];
  return text
    .flatMap((line) => wrapText(line, width - DATABASE.length - 2))
    .map((line, index) => `${(index === 0 ? DATABASE : "").padEnd(DATABASE.length + 2)}${line}`);
}
const DATABASE = "Database";

const perJob = (kind: RunnerType, config: StackConfig, plan: CapacityPlan): string => {
  const gib = `${memoryOf(config)[kind] / 2 ** 30} GiB`;
  return kind === "glue"
    ? `${plan.glue.dpuPerRun} DPU and ${gib} each, for reads`
    : `${config.runners.ec2.instanceType} with ${vcpusOf(config)} vCPUs and ${gib} each, for updates${config.jobs.readsOnEc2 ? " and reads" : ""}`;
};

function runnerLines(
  kind: RunnerType,
  { runs, bounds }: Headroom,
  each: string,
  live: Live | undefined,
  width: number,
) {
  const [first, second] = bounds;
  const now = live?.[kind];
  const notes = [
    `${count(runs)} runs at once: ${each}`,
    ...(now ? [`${now.running} of ${now.slots} running now`] : []),
    ...(first ? [`limited by ${first.limit}; for more, ${first.remedy}`] : []),
    ...(second ? [`next limit: ${count(second.runs)}, by ${second.limit}`] : []),
  ];
  const lines = notes.flatMap((note) => wrapText(note, width - INDENT));
  return lines.map((line, index) => `${(index === 0 ? RUNNER_NAMES[kind].service : "").padEnd(INDENT)}${line}`);
}

/** Formats the plan's usage of each limit, the most used first. */
function limitTable(config: StackConfig, plan: CapacityPlan, width: number): string {
  const rows = quotaUsageOf(config, plan)
    .map((need) => ({ ...need, share: need.limit === 0 ? 1 : need.used / need.limit }))
    .toSorted((a, b) => b.share - a.share);
  const bars = width >= BARS_FROM;
  return table(
    ["FULL", ...(bars ? [""] : []), "USED", "OF", "WHAT", "LIMIT"],
    rows.map(({ share, used, limit, unit, from }) => [
      `${Math.floor(share * 100 + 1e-9)} %`,
      ...(bars ? [blocks(share, BAR)] : []),
      count(used),
      count(limit),
      withoutNote(unit),
      from,
    ]),
    width,
    { right: bars ? [0, 2, 3] : [0, 1, 2] },
  );
}

function connectionTable({ database }: CapacityPlan, width: number): string {
  const parts = Object.entries(database.parts).toSorted(([, a], [, b]) => b - a);
  const free = database.usable - database.total;
  const rows: [string, number][] = [...parts, ["free", free]];
  return table(
    ["CONNECTIONS OF", "", "MOST"],
    [
      ...rows.map(([who, most]) => [who, blocks(most / database.usable, BAR), count(most)]),
      ["usable", "", count(database.usable)],
      ["max_connections", "", count(database.maxConnections)],
    ],
    width,
    { right: [2] },
  );
}

/** Formats the duration of bursts for a terminal with `width` columns. */
export function burstText(bursts: readonly Burst[], seconds: number, width: number): string {
  const [{ jobs } = { jobs: 0 }] = bursts;
  const runs = ({ byRunner }: Burst) =>
    RUNNERS.filter((kind) => byRunner[kind] > 0)
      .map((kind) => `${byRunner[kind]} ${RUNNER_NAMES[kind].service}`)
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
  const starts = Math.max(...bursts.map(({ startSeconds }) => startSeconds));
  return [
    `${count(jobs)} jobs of ${durationText(seconds * 1000)} at once, if no other jobs run:`,
    lines,
    ...[
      `Plus the start time of the first runs (at most ${durationText(starts * 1000)}); each run then takes one job after another.`,
      "No job is refused: waiting jobs are stored in the database, in the order of the contract.",
    ].flatMap((line) => wrapText(line, width).map((part) => dim(part))),
  ].join("\n");
}

/** "IP addresses (of the smallest subnet)" → "IP addresses" */
function withoutNote(unit: string): string {
  const remark = unit.search(/ \(| for /);
  return remark < 0 ? unit : unit.slice(0, remark);
}
