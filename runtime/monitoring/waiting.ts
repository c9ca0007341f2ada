import { counted } from "../contract/counted.ts";
import { RUNNER_NAMES, type RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Database } from "../store/jobs.ts";
import { RUNNER_TERMS } from "./bottleneck.ts";

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
export interface WaitingPlace {
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

/** Reason and estimated duration of a job's wait. */
export interface Waiting {
  reason: WaitingReason;
  /** Text for people: the reason, jobs ahead and duration. */
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

/** Returns a job's waiting state; undefined for a job that does not wait. */
export async function readWaitingPlace(
  db: Database,
  tenant: string,
  requestId: string,
): Promise<WaitingPlace | undefined> {
  const { rows } = await db.query("select jobs.waiting_place($1, $2) as place", [tenant, requestId]);
  return rows[0].place ?? undefined;
}

/** Describes a job's wait, with the first reason that applies. */
export function waitingOf(place: WaitingPlace, { runners }: Pick<Settings, "runners">, tenant: string): Waiting {
  const { runner, ahead, working: busy, waitedSeconds } = place;
  const { slots, limitedBy, limitRemedy } = runners[runner];
  const run = RUNNER_NAMES[runner].run;
  const [reason, text] = reasonOf(place, { slots, limitedBy }, tenant);
  const sentence = [
    text,
    ...(reason === "retry" || reason === "largerRun" ? [] : [aheadText(ahead)]),
    durationText(waitedSeconds),
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
  }: WaitingPlace,
  { slots, limitedBy }: { slots: number; limitedBy: string | undefined },
  tenant: string,
): [WaitingReason, string] {
  const on = (text: string) => `Waiting for {a run}: ${text}`;
  if (needsLarger) return ["largerRun", "Waiting for a larger {run}; only one runs at a time"];
  if (notBeforeSeconds !== undefined)
    return [
      "retry",
      `Waiting for attempt ${attempt + 1}, in ${durationText(notBeforeSeconds)}${lastError === undefined ? "" : ` after ${lastError}`}`,
    ];
  if (paused === "closed") return ["drained", on("the platform is draining and starts no runs")];
  if (slots === 0) return ["noRuns", on("this stack has no runs of this type")];
  if (tenantSlots !== undefined && tenantWorking >= tenantSlots)
    return ["tenantSlots", on(`${tenantWorking} of tenant ${tenant}'s ${tenantSlots} busy`)];
  if (working >= slots)
    return ["slots", on(`${working} of ${slots} busy${limitedBy === undefined ? "" : ` (${limitedBy})`}`)];
  if (paused !== undefined) return ["paused", on("AWS refused to start more; the platform retries soon")];
  return [
    "starting",
    on(`${working} of ${slots} busy, ${starting === 0 ? "the next is about to start" : `${starting} starting`}`),
  ];
}

/** Returns how to run more jobs at once; undefined if no setting helps. */
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
  const { count, quotas, of } = RUNNER_TERMS[runner];
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
      return moreSlots === undefined ? undefined : toRun(`${moreSlots}; if it is set, raise ${tenantSlots} too`);
    case "paused":
      return `If this continues, raise the account's ${of} quota, then ${quotas}.`;
    default:
      return undefined;
  }
}

function aheadText(ahead: number): string {
  if (ahead === 0) return "next in line";
  if (ahead > MAX_AHEAD) return `more than ${MAX_AHEAD.toLocaleString("en")} jobs ahead`;
  return `${counted(ahead, "job")} ahead`;
}

function durationText(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 120) return `${rounded} s`;
  return rounded < 7_200 ? `${Math.round(rounded / 60)} min` : `${Math.round(rounded / 3_600)} h`;
}
