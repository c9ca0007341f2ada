import {
  BatchStopJobRunCommand,
  type BatchStopJobRunError,
  GetJobRunCommand,
  GetJobRunsCommand,
  GlueClient,
  type JobRun,
  StartJobRunCommand,
} from "@aws-sdk/client-glue";
import type { Settings } from "../../platform/settings.ts";
import { type ActiveRun, CapacityUnavailable, type Launcher, type LaunchOptions, type RunStatus } from "../launcher.ts";

/** Glue's errors when the account or the job has no capacity, or calls too often; the same request can succeed later. */
const CAPACITY_ERRORS = new Set([
  "ConcurrentRunsExceededException",
  "ResourceNumberLimitExceededException",
  "ThrottlingException",
]);
/** Glue's error for a run that the kernel killed for using too much memory. Usually the runner reports this first. */
const OUT_OF_MEMORY_MESSAGE = /out of memory/i;
/** Maximum number of runs per GetJobRuns (AWS Glue API reference). */
const PAGE_SIZE = 200;
/** Maximum number of runs per BatchStopJobRun (AWS Glue API reference). */
const STOP_SIZE = 25;
/** States of runs that have not ended. */
const OPEN_STATES = new Set(["STARTING", "RUNNING", "STOPPING", "WAITING"]);
/** Returns true if a run has not ended and is not being stopped. */
const isActive = (state = "") => OPEN_STATES.has(state) && state !== "STOPPING";

/**
 * Starts runs of a Glue Python shell job. StartJobRun has no client token, so the SDK must not repeat it: a start whose
 * response was lost is found by the run's id among its arguments.
 */
export class GlueLauncher implements Launcher {
  readonly #glue: GlueClient;
  readonly #job: NonNullable<Settings["glue"]>;
  readonly #pages: number;

  /** @param slots - Maximum number of concurrent runs, which bounds how many runs are searched. */
  constructor(
    job: NonNullable<Settings["glue"]>,
    slots: number,
    glue: GlueClient = new GlueClient({ maxAttempts: 1 }),
  ) {
    this.#job = job;
    // Twice the slots, since Glue also lists ended runs, whose slots other runs may have.
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
      if (!JobRunId) throw new Error("Glue returned no JobRunId from StartJobRun");
      return JobRunId;
    } catch (error) {
      const { name, message } = error as Error;
      if (CAPACITY_ERRORS.has(name)) throw new CapacityUnavailable(`${name}: ${message}`, { cause: error });
      throw error;
    }
  }

  async status(run: string, externalId: string | undefined): Promise<RunStatus> {
    const jobRun = await this.#find(run, externalId);
    if (!jobRun) return "UNKNOWN";
    if (OPEN_STATES.has(jobRun.JobRunState ?? "")) return "ALIVE";
    return OUT_OF_MEMORY_MESSAGE.test(jobRun.ErrorMessage ?? "") ? "OUT_OF_MEMORY" : "ENDED";
  }

  async stop(run: string, externalId: string | undefined): Promise<void> {
    const id = externalId ?? (await this.#find(run, undefined))?.Id;
    if (id) await this.#stopIds([id]);
  }

  async stopAll(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void> {
    const unrecorded = new Set(runs.flatMap(({ run, externalId }) => (externalId === undefined ? [run] : [])));
    const idsByRun = new Map<string, string | undefined>();
    if (unrecorded.size > 0)
      for await (const { Arguments, Id } of this.#newest()) {
        const run = Arguments?.["--run"];
        if (run !== undefined && unrecorded.delete(run)) idsByRun.set(run, Id);
        if (unrecorded.size === 0) break;
      }
    const ids = [...new Set(runs.flatMap(({ run, externalId }) => externalId ?? idsByRun.get(run) ?? []))];
    await this.#stopIds(ids);
  }

  async listActive(): Promise<ActiveRun[]> {
    const active: ActiveRun[] = [];
    for await (const { Arguments, Id, JobRunState } of this.#newest()) {
      const run = Arguments?.["--run"];
      if (run && Id && isActive(JobRunState)) active.push({ run, externalId: Id });
    }
    return active;
  }

  /**
   * Stops runs by their ids. BatchStopJobRun succeeds even if it stops none, and lists the others.
   * @throws Error when runs are still active, or their state cannot be read
   */
  async #stopIds(ids: readonly string[]): Promise<void> {
    const errors: BatchStopJobRunError[] = [];
    for (let at = 0; at < ids.length; at += STOP_SIZE) {
      const JobRunIds = ids.slice(at, at + STOP_SIZE);
      const command = new BatchStopJobRunCommand({ JobName: this.#job.jobName, JobRunIds });
      errors.push(...((await this.#glue.send(command)).Errors ?? []));
    }
    const failures: string[] = [];
    for (const { JobRunId, ErrorDetail } of errors) {
      if (JobRunId === undefined) continue;
      const reason = `${ErrorDetail?.ErrorCode}: ${ErrorDetail?.ErrorMessage}`;
      try {
        // A run that has ended cannot be stopped, and need not be.
        if (isActive((await this.#find("", JobRunId))?.JobRunState)) failures.push(`${JobRunId} (${reason})`);
      } catch (error) {
        failures.push(`${JobRunId} (${reason}; reading its state failed: ${(error as Error).message})`);
      }
    }
    if (failures.length > 0) throw new Error(`Glue did not stop ${failures.join(", ")}`);
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
    for await (const jobRun of this.#newest()) if (jobRun.Arguments?.["--run"] === run) return jobRun;
    return undefined;
  }

  /**
   * Lists the newest runs, a page at a time; Glue returns the newest first. Stops after enough
   * pages for twice as many runs as there are slots; older runs are not found.
   */
  async *#newest(): AsyncGenerator<JobRun> {
    let NextToken: string | undefined;
    for (let page = 0; page < this.#pages; page++) {
      const response = await this.#glue.send(
        new GetJobRunsCommand({
          JobName: this.#job.jobName,
          MaxResults: PAGE_SIZE,
          ...(NextToken ? { NextToken } : {}),
        }),
      );
      yield* response.JobRuns ?? [];
      NextToken = response.NextToken;
      if (!NextToken) return;
    }
  }
}
