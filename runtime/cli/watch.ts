import { setTimeout as pause } from "node:timers/promises";
import { isTerminal } from "../jobs/states.ts";
import type { Client } from "./client.ts";
import { CommandError, type Exit, exitOf } from "./exits.ts";
import { bar, bytesText, coloured, dim, durationText, ProgressLine, say } from "./screen.ts";

/** The parts of a job's document that commands look at. */
export interface JobDocument {
  requestId: string;
  tenant: string;
  status: string;
  createdAt: string;
  startedAt?: string;
  task: { type: string; query?: string; sql?: string; target?: string; statement?: string };
  labels: Record<string, string>;
  progress: { rows: number; bytes: number; estimatedRows?: number };
  stats?: {
    queueMs: number;
    executionMs: number;
    totalMs: number;
    rows: number;
    bytes: number;
    peakMemoryBytes: number | null;
    attempts: number;
  };
  error?: { type: string; category: string; message: string; retryable: boolean; details: BadRow[] };
  result?: { format: string; rows: number; bytes?: number; location?: string };
  attempts: {
    runner: string;
    runId: string;
    startedAt: string;
    endedAt?: string;
    outcome?: string;
    logLocation?: string;
  }[];
  statusHistory: { status: string; at: string }[];
}
interface BadRow {
  line?: number;
  column?: string | null;
  value?: string | null;
  reason?: string;
  field?: string;
  message?: string;
  more?: number;
  report?: { location: string };
}

/** Follows a job to its end, showing where it is; answers its last document. */
export async function follow(client: Client, id: string, waitSeconds: number | undefined): Promise<JobDocument> {
  const line = new ProgressLine();
  const limit = waitSeconds === undefined ? undefined : Date.now() + waitSeconds * 1000;
  const stop = new AbortController();
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => stop.abort(), waitSeconds === undefined ? 0 : waitSeconds * 1000);
  try {
    for (;;) {
      for await (const document of events(client, id, stop.signal)) {
        line.update(progressText(document));
        if (isTerminal(document.status)) return document;
      }
      // The stream ended early (a deploy, a load balancer): the job goes on, and so does watching.
      await pause(500, undefined, { signal: stop.signal });
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError(
      "gaveUp",
      `${id} did not end within ${waitSeconds} s. It goes on; \`rates watch ${id}\` waits again.`,
    );
  } finally {
    clearTimeout(timer);
    line.end();
  }
}

async function* events(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  const response = await client.fetch("GET", `/jobs/${encodeURIComponent(id)}/events`, undefined, signal);
  let text = "";
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data) yield JSON.parse(data);
    }
  }
}

function progressText(document: JobDocument): string {
  const { status, progress, requestId, startedAt } = document;
  const head = `${coloured(status)} ${requestId}`;
  if (status !== "IN_PROGRESS" || progress.bytes === 0) return head;
  const seconds = Math.max(0.001, (Date.now() - Date.parse(startedAt ?? document.createdAt)) / 1000);
  const done = progress.rows > 0 ? `${progress.rows.toLocaleString("en")} rows` : bytesText(progress.bytes);
  const rate = `${bytesText(progress.bytes / seconds)}/s`;
  const { estimatedRows } = progress;
  if (!estimatedRows || progress.rows === 0) return `${head}  ${done}  ${rate}`;
  const share = Math.min(0.99, progress.rows / estimatedRows);
  return `${head}  ${bar(share, done, rate, (seconds * (1 - share)) / share)}`;
}

/** Says how a job ended, with its report of bad rows if it has one; answers the command's exit. */
export function sayEnd(document: JobDocument): Exit {
  const { status, stats, error, requestId, result } = document;
  const figures = stats
    ? dim(
        `  ${(stats.rows ?? 0).toLocaleString("en")} rows, ${bytesText(stats.bytes ?? 0)}, waited ${durationText(stats.queueMs)}, ran ${durationText(stats.executionMs)}${stats.attempts > 1 ? `, ${stats.attempts} attempts` : ""}`,
      )
    : "";
  say(`${coloured(status)} ${requestId}${figures}`);
  if (error && status === "FAILED") {
    say(`${error.type}: ${error.message}`);
    for (const { line, column, value, reason, field, message, more, report } of error.details) {
      if (more !== undefined)
        say(`  … and ${more.toLocaleString("en")} more: the whole report is at ${report?.location ?? "(not kept)"}`);
      else if (reason !== undefined)
        say(
          `  line ${String(line).padEnd(8)} ${(column ?? "row").padEnd(12)} ${value === null ? "(none)" : JSON.stringify(value)} ${reason}`,
        );
      else say(`  ${field ?? ""} ${message ?? ""}`);
    }
    say(
      error.retryable
        ? `It may pass: \`rates retry ${requestId}\` tries again.`
        : `\`rates show ${requestId}\` has everything.`,
    );
  } else if (result?.location) say(dim(`\`rates result ${requestId} --output FILE\` fetches it.`));
  return exitOf(status);
}
