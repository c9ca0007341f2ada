import { counted } from "../contract/counted.ts";
import { RUNNER_NAMES, type RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Database } from "../store/jobs.ts";
import { RUNNER_TERMS } from "./bottleneck.ts";
import { formatDuration } from "./duration.ts";

/** Reasons for which a job can wait. */
export const WAITING_REASONS = [
  "retry",
  "largerRun",
  "drained",
  "paused",
  "noRuns",
  "tenantSlots",
  "slots",
  "starting",
] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

/** Data about a waiting job, from jobs.waiting_place. */
export interface WaitingJob {
  runner: RunnerType;
  waitedSeconds: number;
  /** Number of past attempts. */
  attempt: number;
  lastError?: string;
  needsLarger: boolean;
  notBeforeSeconds?: number;
  /** `closed`, or the end of the pause (ISO). */
  paused?: string;
  /** Number of jobs ahead, at most 1,001. */
  ahead: number;
  working: number;
  starting: number;
  tenantSlots?: number;
  tenantWorking: number;
}

/** Reason for a job's wait, with the job's position and the duration of the wait so far. */
export interface Waiting {
  reason: WaitingReason;
  /** Text for people: the reason, the jobs ahead (except for `retry` and `largerRun`) and the duration of the wait. */
  sentence: string;
  /** Sentence for people: how to run more jobs at once; missing if no setting helps. */
  remedy?: string;
  runner: RunnerType;
  /** Number of jobs ahead; 1,001 means more than 1,000. */
  ahead: number;
  busy: number;
  slots: number;
  waitedSeconds: number;
}

const MAX_AHEAD = 1_000;

/** Reads the data about a waiting job; undefined if the job does not wait or does not exist. */
export async function readWaitingJob(db: Database, tenant: string, requestId: string): Promise<WaitingJob | undefined> {
  const { rows } = await db.query("select jobs.waiting_place($1, $2) as place", [tenant, requestId]);
  return rows[0].place ?? undefined;
}

/** Describes a job's wait, with the first reason that applies. */
export function waitingOf(job: WaitingJob, { runners }: Pick<Settings, "runners">, tenant: string): Waiting {
  const { runner, ahead, working: busy, waitedSeconds } = job;
  const { slots, limitedBy, limitRemedy } = runners[runner];
  const run = RUNNER_NAMES[runner].run;
  const [reason, text] = reasonOf(job, { slots, limitedBy }, tenant);
  const sentence = [
    text,
    ...(reason === "retry" || reason === "largerRun" ? [] : [aheadText(ahead)]),
    `waited ${formatDuration(waitedSeconds)}`,
  ].join(", ");
  const remedy = remedyFor(reason, runner, { limitedBy, limitRemedy, hasFreeSlot: busy < slots });
  return {
    reason,
    ...(remedy === undefined ? {} : { remedy }),
    sentence: sentence.replace("{a run}", `${runner === "ec2" ? "an" : "a"} ${run}`).replace("{run}", run),
    runner,
    ahead,
    busy,
    slots,
    waitedSeconds,
  };
}

function reasonOf(
  {
    attempt,
    lastError,
    needsLarger,
    notBeforeSeconds,
    paused,
    working,
    starting,
    tenantSlots,
    tenantWorking,
  }: WaitingJob,
  { slots, limitedBy }: { slots: number; limitedBy: string | undefined },
  tenant: string,
): [WaitingReason, string] {
  const waitingForRun = (text: string) => `Waiting for {a run}: ${text}`;
  if (needsLarger) return ["largerRun", "Waiting for a larger {run}; only one runs at a time"];
  if (notBeforeSeconds !== undefined)
    return [
      "retry",
      `Waiting for attempt ${attempt + 1} in ${formatDuration(notBeforeSeconds)}${lastError === undefined ? "" : ` (the last failed: ${lastError})`}`,
    ];
  if (paused === "closed") return ["drained", waitingForRun("the platform is draining and starts no runs")];
  if (slots === 0) return ["noRuns", waitingForRun("this stack has no runs of this type")];
  if (tenantSlots !== undefined && tenantWorking >= tenantSlots)
    return [
      "tenantSlots",
      waitingForRun(`${tenantWorking} of ${counted(tenantSlots, "run")} of tenant ${tenant} busy`),
    ];
  if (working >= slots)
    return ["slots", waitingForRun(`${working} of ${slots} busy${limitedBy === undefined ? "" : ` (${limitedBy})`}`)];
  if (paused !== undefined) return ["paused", waitingForRun("the last one did not start; the platform retries soon")];
  return [
    "starting",
    waitingForRun(
      `${working} of ${slots} busy, ${starting === 0 ? "the next is about to start" : `${starting} starting`}`,
    ),
  ];
}

/** Returns advice on running more jobs at once; undefined if no setting helps. */
function remedyFor(
  reason: WaitingReason,
  runner: RunnerType,
  {
    limitedBy,
    limitRemedy,
    hasFreeSlot,
  }: { limitedBy: string | undefined; limitRemedy: string | undefined; hasFreeSlot: boolean },
): string | undefined {
  const toRun = (remedy: string) => `To run more jobs at once, ${remedy}.`;
  const { run, count, quotas, typeName } = RUNNER_TERMS[runner];
  const moreSlots = limitedBy === undefined ? `raise ${count}` : limitRemedy;
  const tenantSlots = `runners.${runner}.tenantSlots`;
  switch (reason) {
    case "slots":
      return moreSlots === undefined ? undefined : toRun(moreSlots);
    case "noRuns":
      return toRun(`raise ${count}`);
    case "tenantSlots":
      if (hasFreeSlot) return `To run more jobs of one tenant at once, raise ${tenantSlots}.`;
      // A higher maximum per tenant alone would not help.
      return moreSlots === undefined ? undefined : toRun(`${moreSlots}, and raise ${tenantSlots} if it is set`);
    case "paused":
      return `If this continues, read the reason in the dispatcher's log; if AWS refuses more ${run}s, raise the account's ${typeName} quota, then ${quotas}.`;
    default:
      return undefined;
  }
}

function aheadText(ahead: number): string {
  if (ahead === 0) return "next in line";
  if (ahead > MAX_AHEAD) return `more than ${MAX_AHEAD.toLocaleString("en")} jobs ahead`;
  return `${counted(ahead, "job")} ahead`;
}
