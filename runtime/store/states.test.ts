import assert from "node:assert/strict";
import type pg from "pg";
import { JobError } from "../contract/errors.ts";
import { STATES, type State, TRANSITIONS } from "../contract/states.ts";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { accept, cancel, claim, finish, retry, runStarted } from "./jobs.ts";
import { planRuns, settleLost } from "./runs.ts";

const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };
const error = new JobError("DatabaseUnavailable", { reason: "gone" }).body();
const counters = { rows: 0, bytes: 0, peakMemoryBytes: 1 };

describe("states of a job", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let db: pg.Client;
  let run: string;
  before(async () => {
    fixture = await jobDatabase();
    db = fixture.admin;
    await accept(db, [newJob("for the run")]);
    [run = ""] = await planRuns(db, testPlan("glue", 1));
    await runStarted(db, run);
  });
  after(() => fixture.close());

  const jobNow = async () => (await db.query("select id, attempt, status from jobs.jobs")).rows[0];
  const attemptNow = async () => {
    const { id, attempt } = await jobNow();
    return { id: Number(id), attempt: Number(attempt) };
  };
  const end = async (status: "SUCCEEDED" | "FAILED" | "CANCELLED") =>
    finish(db, await attemptNow(), { status, ...counters, ...(status === "SUCCEEDED" ? { result: "{}" } : { error }) });
  const settle = async (reason: "RunnerLost" | "TimedOut") => {
    await db.query(
      "update jobs.jobs set lease_until = jobs.clock() - interval '1 second' where lease_until is not null",
    );
    const lost = { ...(await attemptNow()), timeoutSeconds: 60, backend: undefined, reason, isOutOfMemory: false };
    return settleLost(db, lost, error);
  };

  /** All actions of the platform on a job. */
  const ACTIONS: Record<string, () => Promise<unknown>> = {
    claim: () => claim(db, run, backend, undefined),
    cancel: () => cancel(db, "default", "job"),
    "finish as SUCCEEDED": () => end("SUCCEEDED"),
    "finish as FAILED": () => end("FAILED"),
    "finish as CANCELLED": () => end("CANCELLED"),
    retry: async () => retry(db, await attemptNow(), error, 1),
    "retry after a cancel": async () => {
      await cancel(db, "default", "job");
      return retry(db, await attemptNow(), error, 1);
    },
    "settle a lost run": () => settle("RunnerLost"),
    "settle a timeout": () => settle("TimedOut"),
  };
  /** Actions that bring a new job into a state. */
  const PATH_TO_STATE: Record<State, readonly string[]> = {
    PENDING: [],
    IN_PROGRESS: ["claim"],
    SUCCEEDED: ["claim", "finish as SUCCEEDED"],
    FAILED: ["claim", "finish as FAILED"],
    CANCELLED: ["cancel"],
  };
  const transitions = (list: readonly { from: State | undefined; to: State }[]) =>
    [...new Set(list.map(({ from = "new", to }) => `${from} → ${to}`))].sort();

  it("change as in the contract's table, for every action in every state", async () => {
    const observed: { from: State | undefined; to: State }[] = [];
    for (const state of STATES)
      for (const [name, action] of Object.entries(ACTIONS)) {
        await db.query("delete from jobs.jobs");
        await accept(db, [newJob("job")]);
        observed.push({ from: undefined, to: (await jobNow()).status });
        for (const step of PATH_TO_STATE[state]) await ACTIONS[step]?.();
        const { status: from } = await jobNow();
        assert.equal(from, state, name);
        await action();
        const { status: to } = await jobNow();
        if (to !== from) observed.push({ from, to });
      }
    assert.deepEqual(transitions(observed), transitions(TRANSITIONS));
  });
});
