import { setTimeout as delay } from "node:timers/promises";
import stringWidth from "string-width";
import { counted } from "../../contract/counted.ts";
import type { ErrorDetail } from "../../contract/document.ts";
import { isTerminal } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { documents, type JobDocument } from "./events.ts";
import { type Exit, exitOf } from "./exits.ts";
import { interruptible } from "./interrupt.ts";
import { bar, ProgressLine } from "./progress.ts";
import { bytesText, colourState, dim, durationText, plain, printInfo, width } from "./screen.ts";
import { table, truncateToWidth, wrapText } from "./table.ts";
import { waitingOf } from "./waiting.ts";

/** Options of `follow`. */
export interface FollowOptions {
  /** Maximum wait in seconds. @default until the job ends */
  wait?: number;
  /** Bytes that the job loads, if known. */
  bytes?: number;
}

/**
 * Follows a job to its end and shows its progress.
 * @returns its last document
 */
export async function follow(client: Client, id: string, { wait, bytes }: FollowOptions): Promise<JobDocument> {
  const line = new ProgressLine();
  const resumeHint = `${client.hint("watch", id)} follows it again.`;
  try {
    return await interruptible(
      async (signal) => {
        let last: JobDocument | undefined;
        let waitController = new AbortController();
        try {
          for await (const document of documents(client, id, signal)) {
            if (last?.status !== document.status) {
              waitController.abort();
              waitController = new AbortController();
              if (document.status === "PENDING") void showWaitReason(client, document, line, waitController.signal);
            }
            last = document;
            if (!isTerminal(document.status)) line.update(progressText(document, bytes), document.status);
          }
        } finally {
          waitController.abort();
        }
        if (last === undefined) throw new Error(`${id} has no document`);
        return last;
      },
      (why) =>
        why === "waitTimedOut"
          ? `${id} did not end within ${wait} s and keeps running. ${resumeHint}`
          : `Stopped waiting for ${id}; the job keeps running. ${resumeHint}`,
      wait,
    );
  } finally {
    line.end();
  }
}

/** Interval between requests for the reason of a job's wait, in milliseconds. */
const REASON_MS = 2_000;

/** Prints the reason of a job's wait until the job starts. An error ends only this display, not `follow`. */
async function showWaitReason(
  client: Client,
  document: JobDocument,
  line: ProgressLine,
  signal: AbortSignal,
): Promise<void> {
  const tenantClient = client.forTenant(document.tenant);
  let printed: string | undefined;
  try {
    for (;;) {
      const waiting = await waitingOf(tenantClient, document.requestId, signal);
      if (waiting === undefined || signal.aborted) return;
      const text = waitingText(document, waiting.sentence);
      line.update(text, waiting.reason);
      if (waiting.remedy !== undefined && waiting.remedy !== printed) {
        line.end();
        for (const part of wrapText(plain(waiting.remedy), width(process.stderr))) printInfo(dim(part));
        printed = waiting.remedy;
        line.update(text, waiting.reason);
      }
      await delay(REASON_MS, undefined, { signal });
    }
  } catch {
    // The wait is over, or the request failed, for example because an older API has no such path.
  }
}

/** Formats the reason of a wait. The id is truncated to make room for the reason; hints contain the id in full. */
export function waitingText(
  { status, requestId }: JobDocument,
  sentence: string,
  columns = width(process.stderr),
): string {
  const reason = plain(sentence);
  const id = truncateToWidth(requestId, Math.max(MIN_ID_WIDTH, columns - status.length - stringWidth(reason) - 4));
  return `${colourState(status)} ${id}  ${reason}`;
}

/** Width of percent, rows, rate and time left. The id is truncated to make room for these numbers. */
const NUMBERS_WIDTH = 52;
/** Minimum shown width of an id, in columns. */
const MIN_ID_WIDTH = 6;

/**
 * Formats the progress of a running job: rows, bytes, and the time left.
 * @param total bytes that the job loads, if known
 */
export function progressText(document: JobDocument, total: number | undefined): string {
  const { status, progress, requestId, startedAt } = document;
  const { rows, bytes, estimatedRows } = progress;
  const columns = width(process.stderr);
  const id = truncateToWidth(requestId, Math.max(MIN_ID_WIDTH, columns - status.length - NUMBERS_WIDTH));
  const head = `${colourState(status)} ${id}`;
  if (status !== "IN_PROGRESS" || bytes === 0) return head;
  const seconds = Math.max(0.001, (Date.now() - Date.parse(startedAt ?? document.createdAt)) / 1000);
  const done = rows > 0 ? counted(rows, "row") : bytesText(bytes);
  const rate = `${bytesText(bytes / seconds)}/s`;
  // After reading, a batch is checked and written; the remaining time is unknown.
  if (total !== undefined && bytes >= total) return `${head}  ${done} read; checking and writing`;
  const share = total !== undefined ? bytes / total : estimatedRows && rows > 0 ? rows / estimatedRows : undefined;
  if (share === undefined || share >= 1) return `${head}  ${done}  ${rate}`;
  const barWidth = columns - status.length - stringWidth(id) - 4;
  return `${head}  ${bar(share, done, rate, (seconds * (1 - share)) / share, barWidth)}`;
}

/**
 * Prints a job's outcome, with the problems of its error, if any.
 * @param isShown true if the command shows the result itself
 * @returns the command's exit
 */
export function printEnd(client: Client, document: JobDocument, { isShown = false } = {}): Exit {
  const { status, stats, error, requestId, result, task } = document;
  printInfo(`${colourState(status)} ${requestId}${stats ? dim(`  ${statsText(stats)}`) : ""}`);
  if (error && status === "FAILED") {
    for (const line of wrapText(`${error.type}: ${plain(error.message)}`, width(process.stderr))) printInfo(line);
    printDetails(error.details ?? [], client.hint("result", `${requestId} --report`));
    printInfo(
      error.retryable
        ? `Retrying may help: ${client.hint("retry", requestId)}.`
        : `${client.hint("show", requestId)} shows everything.`,
    );
  } else if (error && status === "CANCELLED") {
    for (const line of wrapText(plain(error.message), width(process.stderr))) printInfo(line);
  } else if (task.dryRun && status === "SUCCEEDED")
    printInfo(`Dry run: ${counted(stats?.rows ?? 0, "row")} valid, nothing changed.`);
  else if (result?.location && !isShown)
    printInfo(dim(`${client.hint("result", `${requestId} --output FILE`)} fetches it.`));
  return exitOf(status);
}

function statsText({ rows, bytes, queueMs, executionMs, attempts }: NonNullable<JobDocument["stats"]>): string {
  const done = `${counted(rows ?? 0, "row")}, ${bytesText(bytes ?? 0)}`;
  const times = `waited ${durationText(queueMs)}, ran ${durationText(executionMs)}`;
  return `${done}, ${times}${attempts > 1 ? `, ${attempts} attempts` : ""}`;
}

/**
 * Prints the problems of an error.
 * @param reportCommand the command that fetches the complete report
 */
function printDetails(details: readonly ErrorDetail[], reportCommand: string): void {
  const rows = details.filter(({ reason }) => reason !== undefined);
  if (rows.length > 0)
    printInfo(
      table(
        ["LINE", "COLUMN", "VALUE", "REASON"],
        rows.map(({ line, column, value, reason }) => [
          String(line ?? ""),
          column ?? "(row)",
          value === undefined || value === null ? "(none)" : JSON.stringify(value),
          reason ?? "",
        ]),
        width(process.stderr),
        { stream: process.stderr },
      ),
    );
  for (const { field, message } of details)
    if (message !== undefined) printInfo(`  ${plain(`${field ?? ""} ${message}`)}`);
  for (const { more } of details)
    if (more !== undefined) printInfo(`… and ${more.toLocaleString("en")} more: ${reportCommand} has all of them.`);
}
