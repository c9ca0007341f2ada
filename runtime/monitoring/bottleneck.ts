import { RUNNER_NAMES, RUNNERS, type RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Activity, PlatformStatus } from "./activity.ts";

/** Input of the verdict: current status, recent activity, capacity, and requests that wait before the platform. */
export interface BottleneckInput {
  status: PlatformStatus;
  results: Activity["results"];
  settings: Pick<Settings, "runners" | "jobs">;
  /** Messages that wait on the request queue; undefined where it cannot be asked. */
  requests: number | undefined;
}

/**
 * From worst to best: nothing moves; jobs wait because something is missing; a burst is being processed; nothing waits.
 */
export const LEVELS = ["stuck", "bound", "busy", "clear"] as const;
export type Level = (typeof LEVELS)[number];

/** The parts that a job passes, in the order in which it passes them, and what can hold it up there. */
export const PLACES = [
  "requests",
  "starts",
  "capacity",
  "connections",
  "memory",
  "runs",
  "locks",
  "responses",
  "payload",
  "search",
  "nothing",
] as const;
export type Place = (typeof PLACES)[number];

/** Location of the bottleneck. */
export interface Verdict {
  level: Level;
  place: Place;
  /** One sentence for people: the obstacle and the remedy. */
  sentence: string;
  /** The key of the stack's configuration to raise; absent where raising something would not help. */
  raise?: string;
}

/** From here on a number is a bottleneck. Seconds, shares or counts. */
export const THRESHOLDS = {
  /** A job that has waited for less is part of a burst that is being taken. */
  waitSeconds: 60,
  requestsWaiting: 100,
  /** Of the database's connections. */
  connectionShare: 0.9,
  lockSeconds: 10,
  unsentSeconds: 60,
  behindSeconds: 60,
  /** Results by pointer of which to speak, and the share of them that would nearly have gone into their response. */
  pointers: 20,
  nearlyInlineShare: 0.5,
} as const;

/** The most that `jobs.inlineBytes` can be: what SQS takes, with the rest of the response. */
export const MAX_INLINE_BYTES = 900_000;

/** Display names of a runner type: its runs, their number, size and quota. */
const KIND = {
  glue: {
    run: RUNNER_NAMES.glue.run,
    count: "runners.glue.maxRuns",
    memory: "runners.glue.dpu",
    quotas: "quotas.glueRuns",
    of: "Glue",
  },
  ec2: {
    run: RUNNER_NAMES.ec2.run,
    count: "runners.ec2.maxInstances",
    memory: "runners.ec2.instanceType",
    quotas: "quotas.ec2Vcpus",
    of: "EC2",
  },
} as const satisfies Record<RunnerType, object>;

/**
 * Finds the bottleneck: the worst problem, and among equal ones the first on a job's path, since later components only
 * wait for it. Between the runner types it is the one whose jobs have waited longer.
 */
export function bottleneckOf(situation: BottleneckInput): Verdict {
  const found = RULES.flatMap((rule) => rule(situation));
  const order = (one: Verdict) => LEVELS.indexOf(one.level) * PLACES.length + PLACES.indexOf(one.place);
  return found.sort((a, b) => order(a) - order(b))[0] ?? clear(situation);
}

const RULES: readonly ((situation: BottleneckInput) => Verdict[])[] = [
  requestsWait,
  (situation) => longestFirst(situation).flatMap((kind) => waits(situation, kind)),
  connectionsAreUsedUp,
  (situation) => RUNNERS.flatMap((kind) => runsEnd(situation, kind)),
  locksAreHeld,
  responsesWait,
  resultsAreLarge,
  searchIsBehind,
];

function requestsWait({ requests = 0 }: BottleneckInput): Verdict[] {
  if (requests < THRESHOLDS.requestsWaiting) return [];
  return [
    {
      level: "bound",
      place: "requests",
      sentence: `${many(requests, "request")} wait on the queue because the dispatcher does not keep up: check its log for errors, throttling or slow database calls.`,
    },
  ];
}

/** Jobs of a kind wait for a run: for which reason. */
function waits(situation: BottleneckInput, kind: RunnerType): Verdict[] {
  const { status: standing, settings } = situation;
  const { slots, startSeconds, limitedBy, limitRemedy } = settings.runners[kind];
  const { run, count, quotas, of } = KIND[kind];
  const { waiting, oldestWaiting, running, working, refused, ended } = counts(standing, kind);
  if (waiting === 0) return [];
  const wait = `${many(waiting, "job")} ${waiting === 1 ? "waits" : "wait"}, the oldest for ${seconds(oldestWaiting)}`;
  const paused = standing.paused[kind];
  if (paused === "closed")
    return [
      {
        level: "stuck",
        place: "starts",
        sentence: `${of} is closed to new runs while the platform is draining; ${wait}: reopen it to continue.`,
      },
    ];
  if (slots === 0)
    return [
      {
        level: "stuck",
        place: "capacity",
        raise: count,
        sentence: `${wait}: this stack has no ${run}s. Raise ${count}.`,
      },
    ];
  if (refused > 0 || paused !== undefined)
    return [
      {
        level: "bound",
        place: "starts",
        raise: quotas,
        sentence: `AWS refuses to start more ${run}s; ${wait}: raise the account's ${of} quota, then ${quotas}.`,
      },
    ];
  // More runs would find no connection, and those that do not come to work may have found none.
  const noRoom = connectionShare(standing) >= THRESHOLDS.connectionShare;
  const level = oldestWaiting > THRESHOLDS.waitSeconds ? "bound" : "busy";
  // Runs that are up and have done nothing lately are still on their way, or do not come to work at all.
  const atWork = 2 * working >= slots || ended > 0;
  if (running >= slots && atWork) {
    if (noRoom) return [];
    const taken = slots === 1 ? `The one ${run} is busy` : `All ${slots} ${run}s are busy`;
    // Raising the stack's key would not help.
    if (limitedBy !== undefined) {
      const remedy = limitRemedy === undefined ? "the stack allows more" : limitRemedy;
      const advice = level === "busy" && limitRemedy !== undefined ? `if this continues, ${remedy}` : remedy;
      return [{ level, place: "capacity", sentence: `${taken}; ${wait}: ${limitedBy}; ${advice}.` }];
    }
    return [
      {
        level,
        place: "capacity",
        raise: count,
        sentence: `${taken}; ${wait}: ${level === "busy" ? `if this continues, raise ${count}` : `raise ${count}`}.`,
      },
    ];
  }
  if (oldestWaiting > Math.max(startSeconds, THRESHOLDS.waitSeconds)) {
    if (noRoom) return [];
    return [
      {
        level: "stuck",
        place: "starts",
        sentence: `Only ${working} of ${slots} ${run}s ${working === 1 ? "is" : "are"} busy although ${wait}: runs do not start. The dispatcher's log has the reason.`,
      },
    ];
  }
  return [
    {
      level: "busy",
      place: "starts",
      sentence: `${many(slots - working, run)} can still start; ${wait}: more are starting.`,
    },
  ];
}

const longestFirst = ({ status: standing }: BottleneckInput) =>
  RUNNERS.toSorted((a, b) => counts(standing, b).oldestWaiting - counts(standing, a).oldestWaiting);

function connectionsAreUsedUp({ status: standing }: BottleneckInput): Verdict[] {
  const { connections, maxConnections } = standing.database;
  if (connectionShare(standing) < THRESHOLDS.connectionShare) return [];
  return [
    {
      level: "bound",
      place: "connections",
      raise: "database.instanceClass",
      sentence: `${connections} of the database's ${maxConnections} connections are open, so no more runs can connect: use a larger database.instanceClass first.`,
    },
  ];
}

/** Runs that end before their jobs do. */
function runsEnd({ status: standing }: BottleneckInput, kind: RunnerType): Verdict[] {
  const { outOfMemory, lost } = counts(standing, kind);
  const { run, memory } = KIND[kind];
  return [
    ...(outOfMemory > 0
      ? [
          {
            level: "bound",
            place: "memory",
            raise: memory,
            sentence: `${many(outOfMemory, "attempt")} ran out of a ${run}'s memory in the last minutes: raise ${memory}.`,
          } as const,
        ]
      : []),
    ...(lost > 0
      ? [
          {
            level: "bound",
            place: "runs",
            sentence: `${many(lost, run)} ${lost === 1 ? "was" : "were"} lost during jobs in the last minutes. The jobs are retried; the logs of their attempts have the reason.`,
          } as const,
        ]
      : []),
  ];
}

function locksAreHeld({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestLockWait < THRESHOLDS.lockSeconds) return [];
  return [
    {
      level: "bound",
      place: "locks",
      sentence: `${many(platform.lockWaits, "database session")} ${platform.lockWaits === 1 ? "waits" : "wait"} for a lock, the longest for ${seconds(platform.oldestLockWait)}: updates to the same lanes run one at a time; send fewer, larger batches.`,
    },
  ];
}

function responsesWait({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestUnsent < THRESHOLDS.unsentSeconds) return [];
  return [
    {
      level: "bound",
      place: "responses",
      sentence: `${many(platform.unsentResponses, "response")} could not be sent, the oldest for ${seconds(platform.oldestUnsent)}: check whether SQS is reachable and the response queue exists.`,
    },
  ];
}

function resultsAreLarge({ results: { byPointer, nearlyInline }, settings }: BottleneckInput): Verdict[] {
  if (byPointer < THRESHOLDS.pointers || nearlyInline / byPointer < THRESHOLDS.nearlyInlineShare) return [];
  if (settings.jobs.inlineBytes >= MAX_INLINE_BYTES) return [];
  return [
    {
      level: "busy",
      place: "payload",
      raise: "jobs.inlineBytes",
      sentence: `${number(nearlyInline)} of ${number(byPointer)} results sent as pointers are only just larger than the ${kilobytes(settings.jobs.inlineBytes)} that fit into a response, and each needs a second call to read: raise jobs.inlineBytes.`,
    },
  ];
}

function searchIsBehind({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestBehind < THRESHOLDS.behindSeconds) return [];
  return [
    {
      level: "busy",
      place: "search",
      sentence: `Search is behind by ${many(platform.documentsBehind, "document")}, the oldest by ${seconds(platform.oldestBehind)}; jobs keep running. Check whether the tracking store responds.`,
    },
  ];
}

function clear({ status: standing, settings }: BottleneckInput): Verdict {
  const busy = RUNNERS.map(
    (kind) => `${standing.working[kind] ?? 0} of ${settings.runners[kind].slots} ${KIND[kind].of}`,
  );
  return { level: "clear", place: "nothing", sentence: `Nothing waits: ${busy.join(" and ")} runs are busy.` };
}

/** A kind's figures; none are unknown but those of times and memory. */
function counts(standing: PlatformStatus, kind: RunnerType) {
  const { waiting, oldestWaiting, running, refused, lost, outOfMemory } = standing[kind];
  const { succeeded, failedByRequest, failedByPlatform } = standing[kind];
  return {
    waiting: waiting ?? 0,
    oldestWaiting: oldestWaiting ?? 0,
    running: running ?? 0,
    working: standing.working[kind] ?? 0,
    ended: (succeeded ?? 0) + (failedByRequest ?? 0) + (failedByPlatform ?? 0),
    refused: refused ?? 0,
    lost: lost ?? 0,
    outOfMemory: outOfMemory ?? 0,
  };
}

const connectionShare = ({ database }: PlatformStatus): number => database.connections / database.maxConnections;

const number = (value: number): string => value.toLocaleString("en");
const many = (count: number, what: string): string => `${number(count)} ${what}${count === 1 ? "" : "s"}`;
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;
/** As a person would say it. */
const seconds = (value: number): string => {
  const rounded = Math.round(value);
  if (rounded < 120) return `${rounded} s`;
  return rounded < 7_200 ? `${Math.round(rounded / 60)} min` : `${Math.round(rounded / 3_600)} h`;
};
