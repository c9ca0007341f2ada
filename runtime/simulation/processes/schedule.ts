import { setTimeout as delay } from "node:timers/promises";
import { random } from "../../../db/sample/random.ts";
import { signal } from "../../local/processes.ts";
import { CRASH_POINTS } from "../../runner/crashPoints.ts";
import { type Fault, type LaunchOutcome, layOut, liveRuns } from "./files.ts";
import { isAtRest, violatedGuarantees } from "./guarantees.ts";
import type { ProcessHarness } from "./harness.ts";
import type { Observations } from "./observations.ts";
import { generateRequests, OTHER } from "./requests.ts";

/** Duration of the faults in milliseconds. */
const TROUBLE_MS = 4_000;
/** Time limit of the platform's recovery afterwards. */
const RECOVERY_MS = 90_000;
/**
 * Interval of checks, and step of the clock when nothing is in progress: small while a run begins, larger when only a
 * back-off or a deadline is waited for.
 */
const LOOK_MS = 200;
const LEAP_SECONDS = 1;
const LONG_LEAP_SECONDS = 5;
/** Runs that faults are laid out for. */
const RUNS = 12;
/** Maximum duration of a pause: longer than the lease of a run. */
const PAUSE_MS = 3_000;

/** Something that is done at a moment of the schedule. */
interface ScheduledFault {
  readonly at: number;
  readonly what: string;
  readonly done: () => Promise<unknown> | unknown;
}

/** Plays the schedule of a seed against a stage; returns the violated guarantees, and what was done. */
export async function play(stage: ProcessHarness, seed: number): Promise<{ broken: string[]; history: string[] }> {
  const pick = random(seed);
  const told: Observations = {
    requests: generateRequests(seed, pick),
    accepted: new Set(),
    wanted: new Set(),
    conflicts: new Set(),
    violations: new Set(),
  };
  const overBefore = stage.over.length;
  for (const { upload } of told.requests) if (upload) await stage.upload(upload.key, upload.body);
  layOut(
    stage.directory,
    Array.from({ length: RUNS }, () => faultBy(pick)),
    Array.from({ length: RUNS }, () => launchBy(pick)),
  );
  breakCalls(stage, pick);

  const deeds = [...asking(stage, told, pick), ...trouble(stage, told, pick)].sort((a, b) => a.at - b.at);
  const begun = performance.now();
  const history: string[] = [];
  const going: Promise<unknown>[] = [];
  const watch = new AbortController();
  const watching = watchCancels(stage, told, watch.signal);
  for (const { at, what, done } of deeds) {
    await delay(Math.max(0, begun + at - performance.now()));
    history.push(`${Math.round(performance.now() - begun)} ms: ${what}`);
    going.push(Promise.resolve(done()));
  }
  await Promise.all(going);

  history.push(`${Math.round(performance.now() - begun)} ms: nothing goes wrong any more`);
  stage.proxy.outcome = () => "go";
  if (stage.tracking) stage.tracking.outcome = () => "go";
  layOut(stage.directory, []);
  const rested = await recover(stage, told);
  history.push(`${Math.round(performance.now() - begun)} ms: ${rested ? "at rest" : "still not at rest"}`);
  watch.abort();
  await watching;
  for (const one of stage.over.slice(overBefore)) told.violations.add(`guarantee 4: ${one}`);
  return { broken: await violatedGuarantees(stage, told), history };
}

/** Half of the runs are left alone. */
function faultBy(pick: () => number): Fault {
  const step = CRASH_POINTS[Math.floor(pick() * CRASH_POINTS.length)] ?? "claim";
  const kind = pick();
  if (kind < 0.5) return { step: "none", action: "SIGKILL" };
  if (kind < 0.7) return { step, action: "SIGKILL" };
  if (kind < 0.9) return { step, action: "SIGSTOP" };
  return { step: "COMMIT", action: "crash Postgres" };
}

/** Most launches are left alone. */
function launchBy(pick: () => number): LaunchOutcome {
  const kind = pick();
  if (kind < 0.2) return "refuse";
  if (kind < 0.25) return "fail before";
  return kind < 0.35 ? "fail after" : "go";
}

/** Calls of SQS, S3 and the tracking store fail, often in some schedules and hardly in others. */
function breakCalls(stage: ProcessHarness, pick: () => number): void {
  const often = () => (pick() < 0.5 ? 0.25 : 0.03);
  const [before, after, throttle] = [often(), often(), often()];
  stage.proxy.outcome = () => {
    const chance = pick();
    if (chance < before) return "fail before";
    if (chance < before + after) return "fail after";
    return chance < before + after + throttle ? "throttle" : "go";
  };
  if (!stage.tracking) return;
  const whole = stage.proxy.outcome;
  const some = often();
  stage.tracking.outcome = () => (pick() < some ? "refuse some" : whole());
}

/** The requests, late, twice and in any order; over the queue or the API. */
function asking(
  stage: ProcessHarness,
  { requests: asked, accepted, wanted, conflicts }: Observations,
  pick: () => number,
): ScheduledFault[] {
  const soon = () => pick() * TROUBLE_MS * 0.7;
  return asked.flatMap(({ requestId, task }, index) => {
    const request = { requestId, task };
    const queued = async () => {
      await stage.send(request);
      accepted.add(requestId);
      wanted.add(requestId);
    };
    const first = soon();
    const deeds: ScheduledFault[] = [{ at: first, what: `queue ${requestId}`, done: queued }];
    if (pick() < 0.3)
      deeds[0] = {
        at: first,
        what: `POST ${requestId}`,
        async done() {
          const asksForReply = pick() < 0.5;
          const posted = asksForReply ? { ...request, reply: "queue" } : request;
          // A caller without an answer asks again, as documented.
          if ((await stage.call("/jobs", posted)) !== 202) return queued();
          accepted.add(requestId);
          if (asksForReply) wanted.add(requestId);
        },
      };
    if (pick() < 0.4) deeds.push({ at: soon(), what: `queue ${requestId} again`, done: queued });
    if (index === 0 && pick() < 0.4)
      deeds.push({
        at: TROUBLE_MS,
        what: `queue another task as ${requestId}`,
        async done() {
          conflicts.add(requestId);
          await stage.send({ requestId, task: { type: "read", sql: OTHER, format: "csv" } });
        },
      });
    return deeds;
  });
}

/** Faults besides those of runs, and cancels of callers. */
function trouble(stage: ProcessHarness, { requests: asked }: Observations, pick: () => number): ScheduledFault[] {
  const { server, dispatcher, api, directory } = stage;
  const pause = async (stop: () => void, goOn: () => void) => {
    const milliseconds = 200 + pick() * PAUSE_MS;
    stop();
    await delay(milliseconds);
    goOn();
  };
  const runs = (name: NodeJS.Signals) => {
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
    ["kill all runs", () => runs("SIGKILL")],
    [
      "pause all runs",
      () =>
        pause(
          () => runs("SIGSTOP"),
          () => runs("SIGCONT"),
        ),
    ],
    ["continue all runs", () => runs("SIGCONT")],
    ["crash Postgres", () => server.end("SIGQUIT")],
    ["restart Postgres", () => server.end("SIGINT")],
    ["put the clock forward", () => server.look("update fire.clock set ahead = ahead + '1 s'")],
  ];
  const cancels = asked.map(({ requestId }): [string, () => unknown] => [
    `cancel ${requestId}`,
    () => stage.call(`/jobs/${requestId}/cancel`),
  ]);
  const one = <T>(list: readonly T[]): T => list[Math.floor(pick() * list.length)] as T;
  const chosen = [
    ...Array.from({ length: 2 + Math.floor(pick() * 3) }, () => one(kinds)),
    ...Array.from({ length: Math.floor(pick() * 3) }, () => one(cancels)),
  ];
  return chosen.map(([what, done]) => ({ at: 300 + pick() * (TROUBLE_MS - 300), what, done }));
}

/** Resumes everything, and waits until no work is left. */
async function recover(stage: ProcessHarness, told: Observations): Promise<boolean> {
  const { server, dispatcher, api, directory } = stage;
  const end = performance.now() + RECOVERY_MS;
  while (performance.now() < end) {
    for (const part of [dispatcher, api]) part.signal("SIGCONT");
    // Whom a step stopped, too.
    for (const run of liveRuns(directory)) signal(run, "SIGCONT");
    if (await isAtRest(stage, told)) return true;
    await delay(LOOK_MS);
    await server.look(
      `update fire.clock set ahead = ahead + make_interval(secs => $1)
       where not exists (select from jobs.jobs where status = 'IN_PROGRESS')`,
      [liveRuns(directory).length > 0 ? LEAP_SECONDS : LONG_LEAP_SECONDS],
    );
  }
  return false;
}

/** Guarantee 6, checked at any moment at which a cancel is visible. */
async function watchCancels(
  stage: ProcessHarness,
  { violations: broken }: Observations,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const rows = await stage.server.look(
      `select j.request_id, a.pid from jobs.jobs j cross join lateral pg_stat_get_activity(j.backend_pid) a
       where j.status = 'CANCELLED' and j.backend_pid is not null and a.backend_start = j.backend_start and a.state <> 'idle'`,
    );
    for (const { request_id, pid } of rows ?? [])
      broken.add(`guarantee 6: job ${request_id} is CANCELLED, and its session ${pid} is busy`);
    await delay(LOOK_MS / 4);
  }
}
