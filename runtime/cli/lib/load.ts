import { createHash, randomUUID } from "node:crypto";
import type { Client } from "./apiClient.ts";
import type { JobDocument } from "./events.ts";
import { CommandError } from "./exits.ts";
import { type LoadFile, openLoadFile } from "./loadFile.ts";
import { printInfo } from "./screen.ts";
import { requestFromFlags, type SubmitFlags, submit } from "./submit.ts";
import { upload } from "./upload.ts";

/** Options of `rates load`. */
export interface LoadFlags extends SubmitFlags {
  /** Load the content even if an earlier job loaded it. */
  again?: boolean;
}

/** Job that loads a file. */
export interface LoadJob {
  client: Client;
  requestId: string;
  /** Bytes that the job reads, if known. */
  bytes: number | undefined;
  /** True if the job existed before and nothing was submitted. */
  isRepeat: boolean;
}

/** Maximum number of retries of the same load. */
const MAX_RETRIES = 100;

/**
 * Loads a file with a job whose id is derived from the content and the task, unless --id, --again or --dry-run is given.
 * Loading the same file twice therefore creates one job; if that job failed or was cancelled, it is retried.
 * @throws CommandError
 */
export async function load(client: Client, pathOrDash: string, flags: LoadFlags): Promise<LoadJob> {
  const { again, ...rest } = flags;
  if (again && flags.id !== undefined)
    throw new CommandError("invalid", "--again and --id cannot be combined: a new --id is already a new job.");
  // Built before the file is read, so that invalid flags fail early.
  requestFromFlags({ ...rest, format: "csv", compression: "none", s3: "" });
  const file = await openLoadFile(pathOrDash, flags);
  try {
    const { format, compression } = file;
    const task = { ...rest, format, compression };
    const bytes = compression === "none" ? file.bytes : undefined;
    // A repeated dry run is a new job, because its result may differ.
    const isNew = again || (flags.dryRun && flags.id === undefined);
    const id = flags.id ?? (isNew ? randomUUID() : idOf(file, task));
    const earlier = isNew ? undefined : await documentOf(client, id);
    if (flags.id !== undefined && !earlier && !flags.dryRun) await warnOfDuplicate(client, idOf(file, task));
    const { requestId, isRepeat } = earlier
      ? await findOrRetry(client, earlier, file, task)
      : { requestId: id, isRepeat: false };
    if (isRepeat) return { client, requestId, bytes, isRepeat: true };
    const request = requestFromFlags({ ...task, id: requestId, s3: await upload(client, file) });
    return { ...(await submit(client, request)), bytes, isRepeat: false };
  } finally {
    await file.close();
  }
}

/** Warns if the content was loaded before under the id derived from it, since appended rows would be duplicated. */
async function warnOfDuplicate(client: Client, id: string): Promise<void> {
  const same = await documentOf(client, id);
  if (same?.status === "SUCCEEDED")
    printInfo(`Warning: the same content was loaded by ${id} at ${same.finishedAt}; it is loaded again.`);
}

/** Derives the id of a load from its content and task. */
function idOf({ sha256, format, compression }: LoadFile, { target, mode }: LoadFlags): string {
  const task = JSON.stringify([sha256, format, compression, target, mode]);
  return `load-${target}-${createHash("sha256").update(task).digest("hex").slice(0, 32)}`;
}

/**
 * Finds the job of a repeated load: the existing job or, if that failed or was cancelled and its id is derived from the
 * content, a retry with the next id.
 * @throws CommandError if the existing job has another task
 */
async function findOrRetry(
  client: Client,
  first: JobDocument,
  file: LoadFile,
  flags: LoadFlags,
): Promise<{ requestId: string; isRepeat: boolean }> {
  if (!isSame(first, file, flags))
    throw new CommandError(
      "invalid",
      `The job ${first.requestId} has another task: other content or options. Use another --id. Nothing was sent.`,
    );
  let job = first;
  for (let number = 1; number <= MAX_RETRIES; number++) {
    const isRetryable = job.status === "FAILED" || job.status === "CANCELLED";
    if (!isRetryable || flags.id !== undefined) return { requestId: job.requestId, isRepeat: true };
    const requestId = `${first.requestId}.retry-${number}`;
    const next = await documentOf(client, requestId);
    if (!next) return { requestId, isRepeat: false };
    job = next;
  }
  throw new CommandError("invalid", `This content was retried ${MAX_RETRIES} times. --again loads it under a new id.`);
}

interface LoadTask {
  target?: string;
  mode?: string;
  format?: string;
  compression?: string;
  dryRun?: boolean;
  source?: { s3?: string };
}

/** Returns true if a job has the same content and options. The location of an upload ends with the content's hash. */
function isSame({ task }: JobDocument, { sha256, format, compression }: LoadFile, flags: LoadFlags): boolean {
  const { source, ...jobTask } = task as LoadTask;
  return (
    source?.s3?.endsWith(`/${sha256}`) === true &&
    jobTask.target === flags.target &&
    jobTask.mode === flags.mode &&
    jobTask.format === format &&
    jobTask.compression === compression &&
    (jobTask.dryRun ?? false) === (flags.dryRun ?? false)
  );
}

async function documentOf(client: Client, id: string): Promise<JobDocument | undefined> {
  try {
    return await client.json<JobDocument>("GET", client.jobPath(id));
  } catch (error) {
    if (error instanceof CommandError && (error.data as { type?: string }).type === "UnknownJob") return undefined;
    throw error;
  }
}
