import { setTimeout as delay } from "node:timers/promises";
import { random } from "../../../db/sample/random.ts";
import { signal } from "../../local/processes.ts";
import { CRASH_POINTS } from "../../runner/crashPoints.ts";
import { createFiles, type Fault, type LaunchOutcome, liveRuns } from "./files.ts";
import { isAtRest, violatedGuarantees } from "./guarantees.ts";
import type { ProcessHarness } from "./harness.ts";
import type { Observations } from "./observations.ts";
import { generateRequests, OTHER_TASK_SQL } from "./requests.ts";

/** Duration of the faults in milliseconds. */
const FAULTS_MS = 4_000;
/** Time limit of the platform's recovery after the faults. */
const RECOVERY_MS = 90_000;
/** Interval of checks. */
const POLL_MS = 200;
/** Step of the clock when no job is in progress, but a run's process exists: the run may be starting. */
const CLOCK_JUMP_SECONDS = 1;
/** Step of the clock when neither exists: only a back-off or a deadline is pending. */
const LONG_CLOCK_JUMP_SECONDS = 5;
/** Number of runs, and of launches, whose fault or outcome is scheduled. */
const RUNS = 12;
/** Duration of a pause; the maximum is longer than the lease of a run. */
const MIN_PAUSE_MS = 200;
const MAX_PAUSE_MS = 3_000;

/** A fault or an action of a caller, at a time of the schedule. */
interface ScheduledEvent {
  /** Milliseconds after the start of the schedule. */
  readonly at: number;
  readonly label: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** Runs the schedule of a seed; returns the violated guarantees and the history of actions. */
export async function runSchedule(
  harness: ProcessHarness,
  seed: number,
): Promise<{ violations: string[]; history: string[] }> {
  const pick = random(seed);
  const observations: Observations = {
    requests: generateRequests(seed, pick),
    accepted: new Set(),
    withReply: new Set(),
    conflicts: new Set(),
    violations: new Set(),
  };
  const overrunsBefore = harness.overruns.length;
  for (const { upload } of observations.requests) if (upload) await harness.upload(upload.key, upload.body);
  createFiles(
    harness.directory,
    Array.from({ length: RUNS }, () => drawFault(pick)),
    Array.from({ length: RUNS }, () => drawLaunchOutcome(pick)),
  );
  breakCalls(harness, pick);

  const events = [
    ...scheduleRequests(harness, observations, pick),
    ...scheduleFaults(harness, observations, pick),
  ].sort((a, b) => a.at - b.at);
  const startedAt = performance.now();
  const history: string[] = [];
  const running: Promise<unknown>[] = [];
  const watch = new AbortController();
  const watching = watchCancels(harness, observations, watch.signal);
  for (const { at, label, run } of events) {
    await delay(Math.max(0, startedAt + at - performance.now()));
    history.push(`${Math.round(performance.now() - startedAt)} ms: ${label}`);
    running.push(Promise.resolve(run()));
  }
  await Promise.all(running);

  history.push(`${Math.round(performance.now() - startedAt)} ms: faults end`);
  harness.proxy.outcome = () => "go";
  if (harness.tracking) harness.tracking.outcome = () => "go";
  createFiles(harness.directory, []);
  const isSettled = await recover(harness, observations);
  history.push(`${Math.round(performance.now() - startedAt)} ms: ${isSettled ? "at rest" : "still not at rest"}`);
  watch.abort();
  await watching;
  for (const overrun of harness.overruns.slice(overrunsBefore)) observations.violations.add(`guarantee 4: ${overrun}`);
  return { violations: await violatedGuarantees(harness, observations), history };
}

/** Draws the fault of a run; half of the runs have none. */
function drawFault(pick: () => number): Fault {
  const step = CRASH_POINTS[Math.floor(pick() * CRASH_POINTS.length)] ?? "claim";
  const kind = pick();
  if (kind < 0.5) return { step: "none", action: "SIGKILL" };
  if (kind < 0.7) return { step, action: "SIGKILL" };
  if (kind < 0.9) return { step, action: "SIGSTOP" };
  return { step: "COMMIT", action: "crash Postgres" };
}

/** Draws the outcome of a launch; most launches succeed. */
function drawLaunchOutcome(pick: () => number): LaunchOutcome {
  const kind = pick();
  if (kind < 0.2) return "refuse";
  if (kind < 0.25) return "fail before";
  return kind < 0.35 ? "fail after" : "go";
}

/** Makes calls to SQS, S3 and the tracking store fail, frequently in some schedules and rarely in others. */
function breakCalls(harness: ProcessHarness, pick: () => number): void {
  const often = () => (pick() < 0.5 ? 0.25 : 0.03);
  const [before, after, throttle] = [often(), often(), often()];
  harness.proxy.outcome = () => {
    const chance = pick();
    if (chance < before) return "fail before";
    if (chance < before + after) return "fail after";
    return chance < before + after + throttle ? "throttle" : "go";
  };
  if (!harness.tracking) return;
  const callOutcome = harness.proxy.outcome;
  const partialChance = often();
  harness.tracking.outcome = () => (pick() < partialChance ? "refuse some" : callOutcome());
}

/** Schedules the requests: delayed, repeated and in any order, over the queue or the API. */
function scheduleRequests(
  harness: ProcessHarness,
  { requests, accepted, withReply, conflicts }: Observations,
  pick: () => number,
): ScheduledEvent[] {
  const soon = () => pick() * FAULTS_MS * 0.7;
  return requests.flatMap(({ requestId, task }, index) => {
    const request = { requestId, task };
    const queued = async () => {
      await harness.send(request);
      accepted.add(requestId);
      withReply.add(requestId);
    };
    const first = soon();
    const events: ScheduledEvent[] = [{ at: first, label: `queue ${requestId}`, run: queued }];
    if (pick() < 0.3)
      events[0] = {
        at: first,
        label: `POST ${requestId}`,
        async run() {
          const asksForReply = pick() < 0.5;
          const body = asksForReply ? { ...request, reply: "queue" } : request;
          // A caller without a response repeats the request, as documented.
          if ((await harness.call("/jobs", body)) !== 202) return queued();
          accepted.add(requestId);
          if (asksForReply) withReply.add(requestId);
        },
      };
    if (pick() < 0.4) events.push({ at: soon(), label: `queue ${requestId} again`, run: queued });
    if (index === 0 && pick() < 0.4)
      events.push({
        at: FAULTS_MS,
        label: `queue another task as ${requestId}`,
        async run() {
          conflicts.add(requestId);
          await harness.send({ requestId, task: { type: "read", sql: OTHER_TASK_SQL, format: "csv" } });
        },
      });
    return events;
  });
}

/** Schedules the faults that are not tied to one run, launch or call, and cancels by callers. */
function scheduleFaults(harness: ProcessHarness, { requests }: Observations, pick: () => number): ScheduledEvent[] {
  const { server, dispatcher, api, directory } = harness;
  const pause = async (stop: () => void, resume: () => void) => {
    const milliseconds = MIN_PAUSE_MS + pick() * (MAX_PAUSE_MS - MIN_PAUSE_MS);
    stop();
    await delay(milliseconds);
    resume();
  };
  const signalRuns = (name: NodeJS.Signals) => {
    for (const run of liveRuns(directory)) signal(run, name);
  };
  const kinds: [string, () => unknown][] = [
    ["kill the dispatcher", () => dispatcher.signal("SIGKILL")],
    [
      "pause the dispatcher",
      () =>
        pause(
          () => dispatcher.signal("SIGSTOP"),
          () => dispatcher.signal("SIGCONT"),
        ),
    ],
    ["kill the API", () => api.signal("SIGKILL")],
    ["kill all runs", () => signalRuns("SIGKILL")],
    [
      "pause all runs",
      () =>
        pause(
          () => signalRuns("SIGSTOP"),
          () => signalRuns("SIGCONT"),
        ),
    ],
    ["continue all runs", () => signalRuns("SIGCONT")],
    ["crash Postgres", () => server.end("SIGQUIT")],
    ["restart Postgres", () => server.end("SIGINT")],
    ["put the clock forward", () => server.tryQuery("update simulation.clock set ahead = ahead + '1 s'")],
  ];
  const cancels = requests.map(({ requestId }): [string, () => unknown] => [
    `cancel ${requestId}`,
    () => harness.call(`/jobs/${requestId}/cancel`),
  ]);
  const pickOne = <T>(list: readonly T[]): T => list[Math.floor(pick() * list.length)] as T;
  const chosen = [
    ...Array.from({ length: 2 + Math.floor(pick() * 3) }, () => pickOne(kinds)),
    ...Array.from({ length: Math.floor(pick() * 3) }, () => pickOne(cancels)),
  ];
  return chosen.map(([label, run]) => ({ at: 300 + pick() * (FAULTS_MS - 300), label, run }));
}

/** Resumes all processes, and advances the clock until no work is left. Returns false if that takes too long. */
async function recover(harness: ProcessHarness, observations: Observations): Promise<boolean> {
  const { server, dispatcher, api, directory } = harness;
  const end = performance.now() + RECOVERY_MS;
  while (performance.now() < end) {
    for (const component of [dispatcher, api]) component.signal("SIGCONT");
    // Also resumes processes that were stopped at a step.
    for (const run of liveRuns(directory)) signal(run, "SIGCONT");
    if (await isAtRest(harness, observations)) return true;
    await delay(POLL_MS);
    await server.tryQuery(
      `update simulation.clock set ahead = ahead + make_interval(secs => $1)
       where not exists (select from jobs.jobs where status = 'IN_PROGRESS')`,
      [liveRuns(directory).length > 0 ? CLOCK_JUMP_SECONDS : LONG_CLOCK_JUMP_SECONDS],
    );
  }
  return false;
}

/** Checks guarantee 6 until the signal aborts: the session of a CANCELLED job is not busy. */
async function watchCancels(harness: ProcessHarness, { violations }: Observations, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const rows = await harness.server.tryQuery(
      `select j.request_id, a.pid from jobs.jobs j cross join lateral pg_stat_get_activity(j.backend_pid) a
       where j.status = 'CANCELLED' and j.backend_pid is not null and a.backend_start = j.backend_start and a.state <> 'idle'`,
    );
    for (const { request_id, pid } of rows ?? [])
      violations.add(`guarantee 6: job ${request_id} is CANCELLED, and its session ${pid} is busy`);
    await delay(POLL_MS / 4);
  }
}
