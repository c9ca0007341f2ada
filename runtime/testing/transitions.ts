import assert from "node:assert/strict";
import type pg from "pg";
import { accept, type ClaimedJob, claim, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { jobDatabase, newJob, testPlan } from "./jobs.ts";

/** Database session of the runs of a transitionStore. */
export const backend = { pid: 1, start: "2021-01-01T00:00:00Z" };

/** Clients of a transitionStore, and a Glue run that has started; new for each test. */
export interface TransitionClients {
  fixture: Awaited<ReturnType<typeof jobDatabase>>;
  dispatcher: pg.Client;
  keeper: pg.Client;
  run: string;
}

/**
 * Registers the hooks of a suite with a job store that is emptied before each test, and returns functions that use it.
 * @param use - Receives the clients before each test.
 */
export function transitionStore(use: (clients: TransitionClients) => void) {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let dispatcher: pg.Client;
  let keeper: pg.Client;
  let run: string;
  before(async () => {
    fixture = await jobDatabase();
    dispatcher = await fixture.as("dispatcher");
    keeper = await fixture.as("job_keeper");
  });
  beforeEach(async () => {
    await fixture.admin.query(`
      delete from jobs.answers; delete from jobs.jobs; delete from jobs.runs;
      update jobs.runners set paused_until = null, pauses = 0, version = null`);
    run = await startRun();
    use({ fixture, dispatcher, keeper, run });
  });
  after(() => fixture.close());

  const sql = async (text: string, ...values: unknown[]) => (await fixture.admin.query(text, values)).rows;
  /** Starts a run, and deletes the job for which it was planned. */
  const startRun = async (runner: "glue" | "ec2" = "glue", slots = 9): Promise<string> => {
    await accept(dispatcher, [newJob("for the run", { runner, priority: 9 })]);
    const [newRun = ""] = await planRuns(dispatcher, testPlan(runner, slots));
    await runStarted(keeper, newRun);
    await sql("delete from jobs.jobs where request_id = 'for the run'");
    return newRun;
  };
  const claimNext = async (claimingRun = run): Promise<ClaimedJob> => {
    const job = await claim(keeper, claimingRun, backend, undefined);
    assert(job, "no job could be claimed");
    return job;
  };
  const acceptAndClaim = async (requestId: string, fields: object = {}): Promise<ClaimedJob> => {
    await accept(dispatcher, [newJob(requestId, fields)]);
    return claimNext();
  };
  const jobColumns = async (requestId: string, columns: string) =>
    (await sql(`select ${columns} from jobs.jobs where request_id = $1`, requestId))[0];
  /**
   * Listens on a channel.
   * @returns a function that resolves with the number of notifications so far, pending ones included
   */
  const countNotifications = async (channel: string) => {
    const client = await fixture.as("job_keeper");
    let count = 0;
    client.on("notification", () => count++);
    await client.query(`listen "${channel}"`);
    return async () => {
      // Pending notifications arrive with the result of a query.
      await client.query("select");
      return count;
    };
  };

  return {
    sql,
    startRun,
    claimNext,
    acceptAndClaim,
    jobColumns,
    countNotifications,
  };
}
