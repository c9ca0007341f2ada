import {
  BatchStopJobRunCommand,
  GetJobRunCommand,
  GetJobRunsCommand,
  GlueClient,
  type JobRun,
  StartJobRunCommand,
} from "@aws-sdk/client-glue";
import type { Settings } from "../../platform/settings.ts";
import { type ActiveRun, CapacityUnavailable, type Launcher, type LaunchOptions, type RunStatus } from "../launcher.ts";

/** Glue's errors when the account or the job has no capacity; the same request can succeed later. */
const CAPACITY_ERRORS = new Set([
  "ConcurrentRunsExceededException",
  "ResourceNumberLimitExceededException",
  "ThrottlingException",
]);
/** Glue's error for a run that the kernel killed for its memory; usually the runner notices in time and reports it. */
const OUT_OF_MEMORY_MESSAGE = /out of memory/i;
/** Maximum number of runs per GetJobRuns (AWS Glue API reference). */
const PAGE_SIZE = 200;
/** Maximum number of runs per BatchStopJobRun (AWS Glue API reference). */
const STOP_SIZE = 25;
const ACTIVE_STATES = new Set(["STARTING", "RUNNING", "STOPPING", "WAITING"]);

/**
 * Starts runs of a Glue Python shell job. StartJobRun has no client token, so the SDK must not repeat it: a start whose
 * answer was lost is found by the run's id among its arguments.
 */
export class GlueLauncher implements Launcher {
  readonly #glue: GlueClient;
  readonly #job: NonNullable<Settings["glue"]>;
  readonly #pages: number;

  /** @param slots maximum number of concurrent runs, which bounds how many runs are searched */
  constructor(
    job: NonNullable<Settings["glue"]>,
    slots: number,
    glue: GlueClient = new GlueClient({ maxAttempts: 1 }),
  ) {
    this.#job = job;
    // Twice as many: runs that have ended, and whose slots have other runs, are listed too.
    this.#pages = Math.max(1, Math.ceil((2 * slots) / PAGE_SIZE));
    this.#glue = glue;
  }

  async start(
    run: string,
    runner: string,
    { assertBeforeDeadline, larger = false }: LaunchOptions = {},
  ): Promise<string> {
    const { maxCapacity, largerCapacity = maxCapacity } = this.#job;
    assertBeforeDeadline?.();
    try {
      const { JobRunId } = await this.#glue.send(
        new StartJobRunCommand({
          JobName: this.#job.jobName,
          MaxCapacity: larger ? largerCapacity : maxCapacity,
          Arguments: { ...this.#job.arguments, "--run": run, "--runner": runner },
        }),
      );
      if (!JobRunId) throw new Error("Glue answered StartJobRun without a JobRunId");
      return JobRunId;
    } catch (error) {
      const { name, message } = error as Error;
      if (CAPACITY_ERRORS.has(name)) throw new CapacityUnavailable(`${name}: ${message}`, { cause: error });
      throw error;
    }
  }

  async status(run: string, externalId: string | undefined): Promise<RunStatus> {
    const found = await this.#find(run, externalId);
    if (!found) return "UNKNOWN";
    if (ACTIVE_STATES.has(found.JobRunState ?? "")) return "ALIVE";
    return OUT_OF_MEMORY_MESSAGE.test(found.ErrorMessage ?? "") ? "OUT_OF_MEMORY" : "ENDED";
  }

  async stop(run: string, externalId: string | undefined): Promise<void> {
    const id = externalId ?? (await this.#find(run, undefined))?.Id;
    if (id) await this.#glue.send(new BatchStopJobRunCommand({ JobName: this.#job.jobName, JobRunIds: [id] }));
  }

  async stopAll(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void> {
    const unknown = new Set(runs.flatMap(({ run, externalId }) => (externalId === undefined ? [run] : [])));
    const found = new Map<string, string | undefined>();
    if (unknown.size > 0)
      for await (const { Arguments, Id } of this.#newest()) {
        const run = Arguments?.["--run"];
        if (run !== undefined && unknown.delete(run)) found.set(run, Id);
        if (unknown.size === 0) break;
      }
    const ids = [...new Set(runs.flatMap(({ run, externalId }) => externalId ?? found.get(run) ?? []))];
    for (let at = 0; at < ids.length; at += STOP_SIZE)
      await this.#glue.send(
        new BatchStopJobRunCommand({ JobName: this.#job.jobName, JobRunIds: ids.slice(at, at + STOP_SIZE) }),
      );
  }

  async listActive(): Promise<ActiveRun[]> {
    const active: ActiveRun[] = [];
    for await (const { Arguments, Id, JobRunState = "" } of this.#newest()) {
      const run = Arguments?.["--run"];
      if (run && Id && ACTIVE_STATES.has(JobRunState) && JobRunState !== "STOPPING")
        active.push({ run, externalId: Id });
    }
    return active;
  }

  async #find(run: string, externalId: string | undefined): Promise<JobRun | undefined> {
    const JobName = this.#job.jobName;
    if (externalId) {
      try {
        return (await this.#glue.send(new GetJobRunCommand({ JobName, RunId: externalId }))).JobRun;
      } catch (error) {
        if ((error as Error).name === "EntityNotFoundException") return undefined;
        throw error;
      }
    }
    for await (const one of this.#newest()) if (one.Arguments?.["--run"] === run) return one;
    return undefined;
  }

  /**
   * Lists the newest runs, a page at a time: at least twice as many as can run at once, so that all that may still be
   * starting are among them. Glue returns the newest first.
   */
  async *#newest(): AsyncGenerator<JobRun> {
    let NextToken: string | undefined;
    for (let page = 0; page < this.#pages; page++) {
      const answer = await this.#glue.send(
        new GetJobRunsCommand({
          JobName: this.#job.jobName,
          MaxResults: PAGE_SIZE,
          ...(NextToken ? { NextToken } : {}),
        }),
      );
      yield* answer.JobRuns ?? [];
      NextToken = answer.NextToken;
      if (!NextToken) return;
    }
  }
}
