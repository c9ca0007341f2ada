import { createHash, randomUUID } from "node:crypto";
import type { Client } from "./apiClient.ts";
import type { JobDocument } from "./events.ts";
import { CommandError } from "./exits.ts";
import { type LoadFile, openLoadFile } from "./loadFile.ts";
import { say } from "./screen.ts";
import { requestFrom, type SubmitFlags, submit } from "./submit.ts";
import { upload } from "./upload.ts";

/** Flags of `rates load`. */
export interface LoadFlags extends SubmitFlags {
  /** Load content that an earlier job has loaded. */
  again?: boolean;
}

/** The job that loads a file. */
export interface LoadJob {
  client: Client;
  requestId: string;
  /** The size of what the job reads, where that is known. */
  bytes: number | undefined;
  /** The job existed before: nothing was submitted. */
  isRepeat: boolean;
}

/** Retries of one load that are followed to find the last of them. */
const MOST_RETRIES = 100;

/**
 * Loads a file by a job whose id follows from the content and the task, unless --id or --again says otherwise: loading
 * the same file twice is one job. Where that job failed or was cancelled, it is a new try.
 * @throws CommandError
 */
export async function load(client: Client, argument: string, flags: LoadFlags): Promise<LoadJob> {
  const { again, ...rest } = flags;
  if (again && flags.id !== undefined)
    throw new CommandError("invalid", "--again and --id do not go together: a new --id is a new job.");
  // Put together before the file is read, so that invalid flags cost nothing.
  requestFrom({ ...rest, format: "csv", compression: "none", s3: "" });
  const file = await openLoadFile(argument, flags);
  try {
    const { format, compression } = file;
    const task = { ...rest, format, compression };
    const bytes = compression === "none" ? file.bytes : undefined;
    // What a dry run finds may be another thing the next time.
    const isNew = again || (flags.dryRun && flags.id === undefined);
    const id = flags.id ?? (isNew ? randomUUID() : idOf(file, task));
    const earlier = isNew ? undefined : await documentOf(client, id);
    if (flags.id !== undefined && !earlier && !flags.dryRun) await warnOfSame(client, idOf(file, task));
    const { requestId, repeated } = earlier
      ? await nextTry(client, earlier, file, task)
      : { requestId: id, repeated: false };
    if (repeated) return { client, requestId, bytes, isRepeat: true };
    const request = requestFrom({ ...task, id: requestId, s3: await upload(client, file) });
    return { ...(await submit(client, request)), bytes, isRepeat: false };
  } finally {
    await file.close();
  }
}

/** Says that content which is loaded under an id of its own was loaded before: its prices would be there twice. */
async function warnOfSame(client: Client, id: string): Promise<void> {
  const same = await documentOf(client, id);
  if (same?.status === "SUCCEEDED")
    say(`Warning: the same content was loaded by ${id} at ${same.finishedAt}; it is loaded again.`);
}

/** The id of a load: the same for the same content and task. */
function idOf({ sha256, format, compression }: LoadFile, { target, mode }: LoadFlags): string {
  const task = JSON.stringify([sha256, format, compression, target, mode]);
  return `load-${target}-${createHash("sha256").update(task).digest("hex").slice(0, 32)}`;
}

/**
 * Finds the job of a repeated load: the existing one if it runs or succeeded; otherwise, if the id is by content, a retry
 * under the next id.
 * @throws CommandError when the job of this id has another task
 */
async function nextTry(
  client: Client,
  first: JobDocument,
  file: LoadFile,
  flags: LoadFlags,
): Promise<{ requestId: string; repeated: boolean }> {
  if (!isSame(first, file, flags))
    throw new CommandError(
      "invalid",
      `The job ${first.requestId} has another task: other content or options. Give this one another --id. Nothing was sent.`,
    );
  let job = first;
  for (let number = 1; number <= MOST_RETRIES; number++) {
    const failed = job.status === "FAILED" || job.status === "CANCELLED";
    if (!failed || flags.id !== undefined) return { requestId: job.requestId, repeated: true };
    const requestId = `${first.requestId}.retry-${number}`;
    const next = await documentOf(client, requestId);
    if (!next) return { requestId, repeated: false };
    job = next;
  }
  throw new CommandError("invalid", `This content was tried ${MOST_RETRIES} times. --again loads it under a new id.`);
}

interface LoadTask {
  target?: string;
  mode?: string;
  format?: string;
  compression?: string;
  dryRun?: boolean;
  source?: { s3?: string };
}

/** Compares a job's content and task; the location of an upload ends with the content's hash. */
function isSame({ task }: JobDocument, { sha256, format, compression }: LoadFile, flags: LoadFlags): boolean {
  const { source, ...known } = task as LoadTask;
  return (
    source?.s3?.endsWith(`/${sha256}`) === true &&
    known.target === flags.target &&
    known.mode === flags.mode &&
    known.format === format &&
    known.compression === compression &&
    (known.dryRun ?? false) === (flags.dryRun ?? false)
  );
}

async function documentOf(client: Client, id: string): Promise<JobDocument | undefined> {
  try {
    return await client.json<JobDocument>("GET", client.job(id));
  } catch (error) {
    if (error instanceof CommandError && (error.data as { type?: string }).type === "UnknownJob") return undefined;
    throw error;
  }
}
