import type { Static } from "typebox";
import { areListedCompletely } from "../contract/bounds.ts";
import { JobError } from "../contract/errors.ts";
import type { InlineTask, S3Task, StatementTask, UrlTask } from "../contract/request.ts";
import type { LazyS3 } from "../platform/aws.ts";
import type { Settings } from "../platform/settings.ts";
import { bindParams, findStatement } from "../queries/catalogue.ts";
import { type ClaimedJob, type Database, finish, type StoredResponse } from "../store/jobs.ts";
import { reachCrashPoint } from "./crashPoints.ts";
import { type LoadResult, loadBatch } from "./load/batch.ts";
import { openSource } from "./load/source.ts";
import { type OutputOptions, storeResult } from "./output.ts";
import type { Session } from "./sessions.ts";

export type UpdateTask =
  | Static<typeof InlineTask>
  | Static<typeof S3Task>
  | Static<typeof UrlTask>
  | Static<typeof StatementTask>;

/** Dependencies and progress callbacks of an update. */
export interface UpdateContext {
  job: ClaimedJob;
  session: Session;
  /** Connection of the role job_keeper. It ends the job of a dry run, whose own transaction is rolled back. */
  db: Database;
  s3: LazyS3;
  settings: Settings;
  signal: AbortSignal;
  report: Omit<OutputOptions, "format" | "compression">;
  peakMemory(): number;
  onProgress(progress: { rows: number; bytes: number }): void;
}

/**
 * Executes an update in one transaction, whose last statement is the fence (jobs.finish).
 * @returns the stored response; undefined if another run has the job, and nothing was changed
 */
export async function update(task: UpdateTask, context: UpdateContext): Promise<StoredResponse | undefined> {
  const { job, session, db } = context;
  const { client } = session;
  reachCrashPoint("BEGIN", job);
  await client.query(
    `begin; set local statement_timeout = ${Math.ceil(job.timeoutSeconds * 1000)}; set local lock_timeout = '${LOCK_SECONDS}s'`,
  );
  try {
    const applied = "statement" in task ? await runStatement(task, context) : await load(task, context);
    const end = {
      status: "SUCCEEDED",
      result: JSON.stringify({ inline: applied.inline, format: "json", rows: applied.rows }),
      rows: applied.rows,
      bytes: applied.bytes,
      peakMemoryBytes: context.peakMemory(),
    } as const;
    const isDryRun = "dryRun" in task && task.dryRun;
    reachCrashPoint("fence", job);
    if (isDryRun) {
      await client.query("rollback");
      return await finish(db, job, end);
    }
    const response = await finish(client, job, end);
    if (!response) {
      await client.query("rollback");
      return undefined;
    }
    reachCrashPoint("COMMIT", job);
    await client.query("commit");
    return response;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/** Time that an update waits for a lock before it is requeued. */
const LOCK_SECONDS = 60;

interface UpdateResult {
  rows: number;
  bytes: number;
  inline: object;
}

async function runStatement(
  task: Static<typeof StatementTask>,
  { session, job }: UpdateContext,
): Promise<UpdateResult> {
  const statement = findStatement(task.statement);
  if (!statement)
    throw new JobError("InvalidSql", { reason: `there is no statement '${task.statement}' in this version.` });
  reachCrashPoint("COPY", job);
  const { rowCount } = await session.client.query(bindParams(statement, task.params));
  return { rows: rowCount ?? 0, bytes: 0, inline: { changed: rowCount ?? 0 } };
}

async function load(
  task: Exclude<UpdateTask, Static<typeof StatementTask>>,
  context: UpdateContext,
): Promise<UpdateResult> {
  const { job, session, s3, settings, signal, onProgress } = context;
  const rules = { hosts: settings.jobs.urlHosts, maxBytes: settings.jobs.sourceBytes };
  const content =
    "inline" in task.source
      ? { items: job.inline ?? [] }
      : {
          format: "format" in task ? task.format : ("csv" as const),
          bytes: await openSource(task.source, "compression" in task ? task.compression : "none", s3, rules, signal),
        };
  const loaded = await loadBatch(session.client, {
    target: task.target,
    mode: task.mode,
    content,
    reportRows: settings.jobs.reportRows,
    limits: settings.jobs,
    signal,
    onProgress,
    onCopy: () => reachCrashPoint("COPY", job),
  });
  if ("bad" in loaded) throw await rejectBatch(loaded, context);
  return {
    rows: loaded.rows,
    bytes: loaded.bytes,
    inline: { rows: loaded.rows, removed: loaded.removed, dryRun: task.dryRun },
  };
}

type RejectedBatch = Extract<LoadResult, { bad: unknown }>;

/**
 * Builds the error of a batch with bad rows: the first problems, and the location of the report unless the error lists
 * all problems.
 */
async function rejectBatch(
  { rows, bad, stopped, incomplete }: RejectedBatch,
  { report, signal }: UpdateContext,
): Promise<JobError> {
  const details: unknown[] = [...bad.first];
  if (bad.problemCount > bad.first.length || !areListedCompletely(bad.first)) {
    const output = await storeResult(
      bad.report(),
      { ...report, inlineBytes: 0, format: "csv", compression: "none" },
      signal,
    );
    const pointer = JSON.parse(output.json(bad.problemCount));
    details.push({ more: bad.problemCount - bad.first.length, report: pointer, ...(stopped ? { stopped } : {}) });
  }
  return new JobError(
    "InvalidRows",
    { count: bad.rows, rows, ...(incomplete ? { incomplete: ` ${incomplete}` } : {}) },
    { details },
  );
}
