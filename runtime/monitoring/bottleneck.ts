import { BOUNDS } from "../contract/bounds.ts";
import { counted } from "../contract/counted.ts";
import { RUNNER_NAMES, RUNNERS, type RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Activity, PlatformStatus } from "./activity.ts";
import { formatDuration } from "./duration.ts";

/** Input of the verdict: current status, recent activity, capacity, and requests that are not accepted yet. */
export interface BottleneckInput {
  status: PlatformStatus;
  results: Activity["results"];
  settings: Pick<Settings, "runners" | "jobs">;
  /** Messages on the request queue; undefined if the queue cannot be read. */
  requests: number | undefined;
}

/**
 * From worst to best: jobs wait and no run starts for them; a problem needs a remedy; a burst or a minor problem;
 * nothing waits.
 */
export const LEVELS = ["stuck", "bound", "busy", "clear"] as const;
export type Level = (typeof LEVELS)[number];

/** Stages and resources that can hold up a job, in the order of its path; `nothing` if none of them does. */
export const BOTTLENECKS = [
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
export type Bottleneck = (typeof BOTTLENECKS)[number];

/** A bottleneck with its severity, name and remedy. */
export interface Verdict {
  level: Level;
  name: Bottleneck;
  /** Text for people, on one line: the obstacle and the remedy. */
  sentence: string;
  /** Configuration key to raise; missing if no higher value would help. */
  raise?: string;
}

/** Thresholds from which a value counts as a bottleneck: seconds, shares or counts. */
export const THRESHOLDS = {
  /** A job that has waited for less time belongs to a burst that is being processed. */
  waitSeconds: 60,
  requestsWaiting: 100,
  /** Share of the database's connections that are open. */
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

/**
 * Terms of a runner type in sentences: the name of its runs; the configuration keys of their number, size and quota; and
 * the short name of the type.
 */
export const RUNNER_TERMS = {
  glue: {
    run: RUNNER_NAMES.glue.run,
    count: "runners.glue.maxRuns",
    memory: "runners.glue.dpu",
    quotas: "quotas.glueRuns",
    typeName: "Glue",
  },
  ec2: {
    run: RUNNER_NAMES.ec2.run,
    count: "runners.ec2.maxInstances",
    memory: "runners.ec2.instanceType",
    quotas: "quotas.ec2Vcpus",
    typeName: "EC2",
  },
} as const satisfies Record<RunnerType, object>;

/**
 * Finds the bottleneck: the worst problem, and among equally bad ones the first on a job's path, since later components
 * only wait for it. If jobs of both runner types wait for the same reason, the type whose oldest job has waited longer
 * comes first.
 */
export function bottleneckOf(situation: BottleneckInput): Verdict {
  const verdicts = RULES.flatMap((rule) => rule(situation));
  const order = (verdict: Verdict) =>
    LEVELS.indexOf(verdict.level) * BOTTLENECKS.length + BOTTLENECKS.indexOf(verdict.name);
  return verdicts.sort((a, b) => order(a) - order(b))[0] ?? clearVerdict(situation);
}

const RULES: readonly ((situation: BottleneckInput) => Verdict[])[] = [
  requestVerdicts,
  (situation) => longestFirst(situation).flatMap((runnerType) => waitVerdicts(situation, runnerType)),
  connectionVerdicts,
  (situation) => RUNNERS.flatMap((runnerType) => endedRunVerdicts(situation, runnerType)),
  lockVerdicts,
  responseVerdicts,
  resultSizeVerdicts,
  searchVerdicts,
];

function requestVerdicts({ requests = 0 }: BottleneckInput): Verdict[] {
  if (requests < THRESHOLDS.requestsWaiting) return [];
  return [
    {
      level: "bound",
      name: "requests",
      sentence: `${counted(requests, "request")} ${requests === 1 ? "waits" : "wait"} on the queue because the dispatcher does not keep up: check its log for errors, throttling or slow database calls.`,
    },
  ];
}

/** Explains why jobs of a runner type wait for a run. */
function waitVerdicts(situation: BottleneckInput, runnerType: RunnerType): Verdict[] {
  const { status: platformStatus, settings } = situation;
  const { slots, startSeconds, limitedBy, limitRemedy } = settings.runners[runnerType];
  const { run, count, quotas, typeName } = RUNNER_TERMS[runnerType];
  const { waiting, oldestWaiting, running, working, refused, ended } = countsOf(platformStatus, runnerType);
  if (waiting === 0) return [];
  const wait = `${counted(waiting, "job")} ${waiting === 1 ? "waits" : "wait"}, the oldest for ${formatDuration(oldestWaiting)}`;
  const paused = platformStatus.paused[runnerType];
  if (paused === "closed")
    return [
      {
        level: "stuck",
        name: "starts",
        sentence: `${typeName} is closed to new runs because a destroy of the stack began; ${wait}: complete the destroy, or allow runs again (docs/operating.md, Deleting a stack).`,
      },
    ];
  if (slots === 0)
    return [
      {
        level: "stuck",
        name: "capacity",
        raise: count,
        sentence: `${wait}: this stack has no ${run}s. Raise ${count}.`,
      },
    ];
  if (refused > 0 || paused !== undefined)
    return [
      {
        level: "bound",
        name: "starts",
        raise: quotas,
        sentence: `${run}s fail to start; ${wait}: read the reason in the dispatcher's log; if AWS refuses more ${run}s, raise the account's ${typeName} quota, then ${quotas}.`,
      },
    ];
  // If almost all connections are open, more runs could not connect, and idle runs perhaps cannot either;
  // connectionVerdicts reports this.
  const noConnections = connectionShare(platformStatus) >= THRESHOLDS.connectionShare;
  const level = oldestWaiting > THRESHOLDS.waitSeconds ? "bound" : "busy";
  // If most runs have no job and no job has ended, the runs are still starting or fail to start.
  const mostAreBusy = 2 * working >= slots || ended > 0;
  if (running >= slots && mostAreBusy) {
    if (noConnections) return [];
    const allTaken = slots === 1 ? `The one ${run} is busy` : `All ${slots} ${run}s are busy`;
    // Something other than the configuration limits the slots, so raising the configuration key would not help.
    if (limitedBy !== undefined) {
      const remedy = limitRemedy === undefined ? "the stack allows more" : limitRemedy;
      const advice = level === "busy" && limitRemedy !== undefined ? `if this continues, ${remedy}` : remedy;
      return [{ level, name: "capacity", sentence: `${allTaken}; ${wait}: ${limitedBy}; ${advice}.` }];
    }
    return [
      {
        level,
        name: "capacity",
        raise: count,
        sentence: `${allTaken}; ${wait}: ${level === "busy" ? `if this continues, raise ${count}` : `raise ${count}`}.`,
      },
    ];
  }
  const busyRuns = `${working} of ${slots} ${run}s ${working === 1 ? "is" : "are"} busy`;
  if (oldestWaiting > Math.max(startSeconds, THRESHOLDS.waitSeconds)) {
    if (noConnections) return [];
    return [
      {
        level: "stuck",
        name: "starts",
        sentence: `Only ${busyRuns} although ${wait}: runs do not start. The dispatcher's log has the reason.`,
      },
    ];
  }
  return [{ level: "busy", name: "starts", sentence: `${busyRuns}; ${wait}: more are starting.` }];
}

const longestFirst = ({ status: platformStatus }: BottleneckInput) =>
  RUNNERS.toSorted((a, b) => countsOf(platformStatus, b).oldestWaiting - countsOf(platformStatus, a).oldestWaiting);

function connectionVerdicts({ status: platformStatus }: BottleneckInput): Verdict[] {
  const { connections, maxConnections } = platformStatus.database;
  if (connectionShare(platformStatus) < THRESHOLDS.connectionShare) return [];
  return [
    {
      level: "bound",
      name: "connections",
      raise: "database.instanceClass",
      sentence: `${connections} of the database's ${maxConnections} connections are open, so no more runs can connect: use a larger database.instanceClass first.`,
    },
  ];
}

/** Reports runs that ended before their jobs. */
function endedRunVerdicts({ status: platformStatus }: BottleneckInput, runnerType: RunnerType): Verdict[] {
  const { outOfMemory, lost } = countsOf(platformStatus, runnerType);
  const { run, memory } = RUNNER_TERMS[runnerType];
  return [
    ...(outOfMemory > 0
      ? [
          {
            level: "bound",
            name: "memory",
            raise: memory,
            sentence: `${counted(outOfMemory, "attempt")} ran out of a ${run}'s memory in the last minutes: raise ${memory}.`,
          } as const,
        ]
      : []),
    ...(lost > 0
      ? [
          {
            level: "bound",
            name: "runs",
            sentence: `${counted(lost, run)} ${lost === 1 ? "was" : "were"} lost during jobs in the last minutes. Jobs with attempts left are retried; the logs of the lost attempts have the reason.`,
          } as const,
        ]
      : []),
  ];
}

function lockVerdicts({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestLockWait < THRESHOLDS.lockSeconds) return [];
  return [
    {
      level: "bound",
      name: "locks",
      sentence: `${counted(platform.lockWaits, "database session")} ${platform.lockWaits === 1 ? "waits" : "wait"} for a lock, the longest for ${formatDuration(platform.oldestLockWait)}: updates to the same lanes run one at a time; send fewer, larger batches.`,
    },
  ];
}

function responseVerdicts({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestUnsent < THRESHOLDS.unsentSeconds) return [];
  return [
    {
      level: "bound",
      name: "responses",
      sentence: `${counted(platform.unsentResponses, "response")} could not be sent, the oldest for ${formatDuration(platform.oldestUnsent)}: check whether SQS is reachable and the response queue exists.`,
    },
  ];
}

function resultSizeVerdicts({ results: { byPointer, nearlyInline }, settings }: BottleneckInput): Verdict[] {
  if (byPointer < THRESHOLDS.pointers || nearlyInline / byPointer < THRESHOLDS.nearlyInlineShare) return [];
  if (settings.jobs.inlineBytes >= BOUNDS.inlineBytes) return [];
  return [
    {
      level: "busy",
      name: "payload",
      raise: "jobs.inlineBytes",
      sentence: `${formatNumber(nearlyInline)} of ${formatNumber(byPointer)} results sent as pointers are only just larger than the ${formatKilobytes(settings.jobs.inlineBytes)} that fit into a response, and each needs a second call to read: raise jobs.inlineBytes.`,
    },
  ];
}

function searchVerdicts({ status: { platform } }: BottleneckInput): Verdict[] {
  if (platform.oldestBehind < THRESHOLDS.behindSeconds) return [];
  return [
    {
      level: "busy",
      name: "search",
      sentence: `Search is behind by ${counted(platform.documentsBehind, "document")}, the oldest by ${formatDuration(platform.oldestBehind)}; jobs keep running. Check whether the tracking store responds.`,
    },
  ];
}

function clearVerdict({ status: platformStatus, settings }: BottleneckInput): Verdict {
  const busy = RUNNERS.map(
    (runnerType) =>
      `${platformStatus.working[runnerType] ?? 0} of ${settings.runners[runnerType].slots} ${RUNNER_TERMS[runnerType].typeName}`,
  );
  return { level: "clear", name: "nothing", sentence: `Nothing waits: ${busy.join(" and ")} runs are busy.` };
}

/** Metrics of a runner type; missing counts are 0. */
function countsOf(platformStatus: PlatformStatus, runnerType: RunnerType) {
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

const formatNumber = (value: number): string => value.toLocaleString("en");
const formatKilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;
