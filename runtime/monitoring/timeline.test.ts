import assert from "node:assert/strict";
import { phasesOf } from "./timeline.ts";

/** Returns the time `second` seconds after the job was accepted. */
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const attempt = (from: number, to?: number, outcome?: string, runId?: string) => ({
  runner: "glue",
  startedAt: at(from),
  ...(to === undefined ? {} : { endedAt: at(to) }),
  ...(outcome ? { outcome } : {}),
  ...(runId ? { runId } : {}),
});
/** Formats phases as "waiting 0-4"; the current phase has no end. */
const describePhases = (
  job: Omit<Parameters<typeof phasesOf>[0], "createdAt">,
  launched: Record<string, number> = {},
) =>
  phasesOf(
    { createdAt: at(0), ...job },
    new Map(Object.entries(launched).map(([run, second]) => [run, at(second)])),
  ).map(({ phase, from, to }) => `${phase} ${second(from)}-${to === undefined ? "" : second(to)}`);
const second = (iso: string) => (Date.parse(iso) - Date.parse(at(0))) / 1_000;

describe("the phases of a job", () => {
  it("begin with waiting, which lasts until a run claims the job", () => {
    assert.deepEqual(describePhases({ attempts: [] }), ["waiting 0-"]);
    assert.deepEqual(describePhases({ attempts: [attempt(4)] }), ["waiting 0-4", "running 4-"]);
  });

  it("have a starting phase for a run that was launched while the job waited, and none for a run launched earlier", () => {
    assert.deepEqual(describePhases({ attempts: [attempt(4, undefined, undefined, "r")] }, { r: 1 }), [
      "waiting 0-1",
      "starting 1-4",
      "running 4-",
    ]);
    const earlier = new Map([["r", new Date(Date.parse(at(0)) - 9_000).toISOString()]]);
    const phases = phasesOf({ createdAt: at(0), attempts: [attempt(4, 5, "SUCCEEDED", "r")] }, earlier);
    assert.deepEqual(
      phases.map(({ phase }) => phase),
      ["waiting", "running", "waiting"],
    );
  });

  it("end with responding, which lasts until the response is sent", () => {
    const ended = { attempts: [attempt(4, 6, "SUCCEEDED")], finishedAt: at(6) };
    assert.deepEqual(describePhases(ended), ["waiting 0-4", "running 4-6", "responding 6-"]);
    assert.equal(describePhases({ ...ended, response: { sentAt: at(7) } }).at(-1), "responding 6-7");
  });

  it("repeat after a lost run", () => {
    const phases = describePhases({
      attempts: [attempt(1, 10, "RunnerLost"), attempt(20, 30, "SUCCEEDED")],
      finishedAt: at(30),
      response: { sentAt: at(30) },
    });
    assert.deepEqual(phases, ["waiting 0-1", "running 1-10", "waiting 10-20", "running 20-30", "responding 30-30"]);
  });

  it("have only the phases waiting and responding for a job that was cancelled before it started", () => {
    assert.deepEqual(describePhases({ attempts: [], finishedAt: at(5) }), ["waiting 0-5", "responding 5-"]);
  });

  it("have attempt, runner type and outcome", () => {
    const [, running] = phasesOf({ createdAt: at(0), attempts: [attempt(1, 2, "OutOfMemory")] }, new Map());
    assert.deepEqual([running?.attempt, running?.runner, running?.outcome], [1, "glue", "OutOfMemory"]);
  });
});
