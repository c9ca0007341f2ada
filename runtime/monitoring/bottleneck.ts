import { counted } from "../contract/counted.ts";
import { RUNNER_NAMES, RUNNERS, type RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Activity, PlatformStatus } from "./activity.ts";

/** Input of the verdict: current status, recent activity, capacity, and requests that are not accepted yet. */
export interface BottleneckInput {
  status: PlatformStatus;
  results: Activity["results"];
  settings: Pick<Settings, "runners" | "jobs">;
  /** Messages on the request queue; undefined if the queue cannot be read. */
  requests: number | undefined;
}

/**
 * From worst to best: nothing progresses; jobs wait because something is missing; a burst is being processed; nothing
 * waits.
 */
export const LEVELS = ["stuck", "bound", "busy", "clear"] as const;
export type Level = (typeof LEVELS)[number];

/** Stages of a job in their order, with the resources that can hold it up. */
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
  /** Configuration key to raise; missing if raising one would not help. */
  raise?: string;
}

/** Thresholds from which a value counts as a bottleneck: seconds, shares or counts. */
export const THRESHOLDS = {
  /** A job that has waited for less belongs to a burst that is being processed. */
  waitSeconds: 60,
  requestsWaiting: 100,
  /** Share of the database's connections. */
  connectionShare: 0.9,
  lockSeconds: 10,
  unsentSeconds: 60,
  behindSeconds: 60,
  /**
   * Minimum number of results sent as pointers, and the share of them that are only just too large for their response.
   */
  pointers: 20,
  nearlyInlineShare: 0.5,
} as const;

/** Maximum of `jobs.inlineBytes`: SQS's maximum, less the rest of the response. */
export const MAX_INLINE_BYTES = 900_000;

/** Terms of a runner type in sentences: its run, the configuration keys of their number, size and quota, its name. */
export const RUNNER_TERMS = {
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
  const order = (verdict: Verdict) => LEVELS.indexOf(verdict.level) * PLACES.length + PLACES.indexOf(verdict.place);
  return found.sort((a, b) => order(a) - order(b))[0] ?? clear(situation);
}

const RULES: readonly ((situation: BottleneckInput) => Verdict[])[] = [
  requestsWait,
  (situation) => longestFirst(situation).flatMap((runnerType) => waitVerdicts(situation, runnerType)),
  connectionsAreUsedUp,
  (situation) => RUNNERS.flatMap((runnerType) => runsEnd(situation, runnerType)),
  lockWaits,
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
      sentence: `${counted(requests, "request")} ${requests === 1 ? "waits" : "wait"} on the queue because the dispatcher does not keep up: check its log for errors, throttling or slow database calls.`,
    },
  ];
}

/** Explains why jobs of a runner type wait for a run. */
function waitVerdicts(situation: BottleneckInput, runnerType: RunnerType): Verdict[] {
  const { status: platformStatus, settings } = situation;
  const { slots, startSeconds, limitedBy, limitRemedy } = settings.runners[runnerType];
  const { run, count, quotas, of } = RUNNER_TERMS[runnerType];
  const { waiting, oldestWaiting, running, working, refused, ended } = counts(platformStatus, runnerType);
  if (waiting === 0) return [];
  const wait = `${counted(waiting, "job")} ${waiting === 1 ? "waits" : "wait"}, the oldest for ${seconds(oldestWaiting)}`;
  const paused = platformStatus.paused[runnerType];
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
  // More runs would get no connection, and idle runs may be idle for the same reason.
  const noConnections = connectionShare(platformStatus) >= THRESHOLDS.connectionShare;
  const level = oldestWaiting > THRESHOLDS.waitSeconds ? "bound" : "busy";
  // Runs that have started and done nothing yet are still starting, or fail to start.
  const mostAreBusy = 2 * working >= slots || ended > 0;
  if (running >= slots && mostAreBusy) {
    if (noConnections) return [];
    const allTaken = slots === 1 ? `The one ${run} is busy` : `All ${slots} ${run}s are busy`;
    // Raising the configuration key would not help.
    if (limitedBy !== undefined) {
      const remedy = limitRemedy === undefined ? "the stack allows more" : limitRemedy;
      const advice = level === "busy" && limitRemedy !== undefined ? `if this continues, ${remedy}` : remedy;
      return [{ level, place: "capacity", sentence: `${allTaken}; ${wait}: ${limitedBy}; ${advice}.` }];
    }
    return [
      {
        level,
        place: "capacity",
        raise: count,
        sentence: `${allTaken}; ${wait}: ${level === "busy" ? `if this continues, raise ${count}` : `raise ${count}`}.`,
      },
    ];
  }
  if (oldestWaiting > Math.max(startSeconds, THRESHOLDS.waitSeconds)) {
    if (noConnections) return [];
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
      sentence: `${counted(slots - working, run)} can still start; ${wait}: more are starting.`,
    },
  ];
}

const longestFirst = ({ status: platformStatus }: BottleneckInput) =>
  RUNNERS.toSorted((a, b) => counts(platformStatus, b).oldestWaiting - counts(platformStatus, a).oldestWaiting);

function connectionsAreUsedUp({ status: platformStatus }: BottleneckInput): Verdict[] {
  const { connections, maxConnections } = platformStatus.database;
  if (connectionShare(platformStatus) < THRESHOLDS.connectionShare) return [];
  return [
    {
      level: "bound",
      place: "connections",
      raise: "database.instanceClass",
      sentence: `${connections} of the database's ${maxConnections} connections are open, so no more runs can connect: use a larger database.instanceClass first.`,
    },
  ];
}

/** Runs that end before their jobs. */
function runsEnd({ status: platformStatus }: BottleneckInput, runnerType: RunnerType): Verdict[] {
  const { outOfMemory, lost } = counts(platformStatus, runnerType);
  const { run, memory } = RUNNER_TERMS[runnerType];
  return [
    ...(outOfMemory > 0
      ? [
          {
            level: "bound",
            place: "memory",
            raise: memory,
            sentence: `${counted(outOfMemory, "attempt")} ran out of a ${run}'s memory in the last minutes: raise ${memory}.`,
          } as const,
        ]
      : []),
    ...(lost > 0
      ? [
          {
            level: "bound",
            place: "runs",
            sentence: `${counted(lost, run)} ${lost === 1 ? "was" : "were"} lost during jobs in the last minutes. The jobs are retried; the logs of their attempts have the reason.`,
          } as const,
        ]
      : []),
  ];
}

function lockWaits({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestLockWait < THRESHOLDS.lockSeconds) return [];
  return [
    {
      level: "bound",
      place: "locks",
      sentence: `${counted(platform.lockWaits, "database session")} ${platform.lockWaits === 1 ? "waits" : "wait"} for a lock, the longest for ${seconds(platform.oldestLockWait)}: updates to the same lanes run one at a time; send fewer, larger batches.`,
    },
  ];
}

function responsesWait({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestUnsent < THRESHOLDS.unsentSeconds) return [];
  return [
    {
      level: "bound",
      place: "responses",
      sentence: `${counted(platform.unsentResponses, "response")} could not be sent, the oldest for ${seconds(platform.oldestUnsent)}: check whether SQS is reachable and the response queue exists.`,
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
      sentence: `Search is behind by ${counted(platform.documentsBehind, "document")}, the oldest by ${seconds(platform.oldestBehind)}; jobs keep running. Check whether the tracking store responds.`,
    },
  ];
}

function clear({ status: platformStatus, settings }: BottleneckInput): Verdict {
  const busy = RUNNERS.map(
    (runnerType) =>
      `${platformStatus.working[runnerType] ?? 0} of ${settings.runners[runnerType].slots} ${RUNNER_TERMS[runnerType].of}`,
  );
  return { level: "clear", place: "nothing", sentence: `Nothing waits: ${busy.join(" and ")} runs are busy.` };
}

/** Metrics of a runner type; missing counts are 0. */
function counts(platformStatus: PlatformStatus, runnerType: RunnerType) {
  const { waiting, oldestWaiting, running, refused, lost, outOfMemory } = platformStatus[runnerType];
  const { succeeded, failedByRequest, failedByPlatform } = platformStatus[runnerType];
  return {
    waiting: waiting ?? 0,
    oldestWaiting: oldestWaiting ?? 0,
    running: running ?? 0,
    working: platformStatus.working[runnerType] ?? 0,
    ended: (succeeded ?? 0) + (failedByRequest ?? 0) + (failedByPlatform ?? 0),
    refused: refused ?? 0,
    lost: lost ?? 0,
    outOfMemory: outOfMemory ?? 0,
  };
}

const connectionShare = ({ database }: PlatformStatus): number => database.connections / database.maxConnections;

const number = (value: number): string => value.toLocaleString("en");
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;
/** Formats a duration for people. */
const seconds = (value: number): string => {
  const rounded = Math.round(value);
  if (rounded < 120) return `${rounded} s`;
  return rounded < 7_200 ? `${Math.round(rounded / 60)} min` : `${Math.round(rounded / 3_600)} h`;
};
