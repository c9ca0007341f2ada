import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, isAbsolute } from "node:path";
import type { JobDocument } from "./events.ts";
import { plain } from "./screen.ts";
import { styled } from "./visible.ts";

type Attempt = JobDocument["attempts"][number];

/** Lines from shortly before a job's claim and shortly after its end belong to it too. Milliseconds. */
const AROUND_MS = { before: 1_000, after: 5_000 } as const;
/** Levels of pino, and of the Glue runner. */
const LEVELS: Record<string, [name: string, colour: "dim" | "reset" | "yellow" | "red"]> = {
  10: ["TRACE", "dim"],
  20: ["DEBUG", "dim"],
  30: ["INFO", "reset"],
  40: ["WARN", "yellow"],
  50: ["ERROR", "red"],
  60: ["FATAL", "red"],
  info: ["INFO", "reset"],
  warn: ["WARN", "yellow"],
  error: ["ERROR", "red"],
};
/** Fields that are omitted: in every line, or shown elsewhere. */
const OMITTED_FIELDS = new Set([
  "level",
  "time",
  "msg",
  "pid",
  "hostname",
  "run",
  "runner",
  "job",
  "attempt",
  "requestId",
]);

/**
 * Returns the log of an attempt that is a local file. Only names of the local platform's logs are accepted, so that a
 * server cannot make the command print other files.
 */
export function localLog({ logLocation, runId }: Attempt): string | undefined {
  const own = logLocation !== undefined && basename(logLocation) === `runner-${runId}.log` && isAbsolute(logLocation);
  return own && existsSync(logLocation) ? logLocation : undefined;
}

/** Reads one job's lines from a run's log, and lines added later. A run writes several jobs into one file. */
export class RunLog {
  readonly #file: string;
  readonly #requestId: string;
  #handle: FileHandle | undefined;
  #offset = 0;
  #incompleteLine = Buffer.alloc(0);
  /** True if the last line with a time belongs to the attempt; lines without a time (a stack trace) follow it. */
  #inside = false;

  constructor(file: string, requestId: string) {
    this.#file = file;
    this.#requestId = requestId;
  }

  /** Returns complete lines since the last read, within the time of the attempt. */
  async lines(attempt: Pick<Attempt, "startedAt" | "endedAt">): Promise<string[]> {
    this.#handle ??= await open(this.#file);
    const { buffer, bytesRead } = await this.#handle.read({ position: this.#offset, buffer: Buffer.alloc(1 << 20) });
    this.#offset += bytesRead;
    const text = Buffer.concat([this.#incompleteLine, buffer.subarray(0, bytesRead)]);
    const end = text.lastIndexOf("\n");
    this.#incompleteLine = text.subarray(end + 1);
    const lines = text
      .subarray(0, end + 1)
      .toString()
      .split("\n")
      .slice(0, -1);
    const found = lines.filter((line) => this.#isOf(line, attempt));
    return bytesRead === buffer.length ? [...found, ...(await this.lines(attempt))] : found;
  }

  #isOf(line: string, { startedAt, endedAt }: Pick<Attempt, "startedAt" | "endedAt">): boolean {
    const { time, requestId } = fieldsOf(line);
    if (typeof time !== "number") return this.#inside;
    const within =
      time >= Date.parse(startedAt) - AROUND_MS.before &&
      (endedAt === undefined || time <= Date.parse(endedAt) + AROUND_MS.after);
    this.#inside = within && (requestId === undefined || requestId === this.#requestId);
    return this.#inside;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

function fieldsOf(line: string): Record<string, unknown> {
  try {
    const fields = JSON.parse(line);
    return fields !== null && typeof fields === "object" ? fields : {};
  } catch {
    return {};
  }
}

/** Formats a log line for people: time, level, message and further fields. */
export function logText(line: string, stream: NodeJS.WriteStream): string {
  const fields = fieldsOf(line);
  if (typeof fields.msg !== "string") return plain(line);
  const [level, colour] = LEVELS[String(fields.level)] ?? [String(fields.level ?? ""), "reset" as const];
  const time = typeof fields.time === "number" ? `${new Date(fields.time).toISOString().slice(11, 23)} ` : "";
  const rest = Object.entries(fields)
    .filter(([key]) => !OMITTED_FIELDS.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${time}${styled(colour, plain(level).padEnd(5), stream)} ${plain([fields.msg, ...rest].join("  "))}`;
}

/** Log of an attempt in CloudWatch. */
export interface CloudLog {
  /** Log group. */
  group: string;
  /** Log stream; absent if runs share streams, as on Glue. */
  stream?: string;
  /** Command that shows the log. */
  command: string;
  /** Address in the AWS console; absent if the region is unknown. */
  url?: string;
}

/**
 * Finds the log of an attempt that ran in AWS.
 * @returns undefined for an attempt that has not recorded its log yet
 */
export function cloudLog(
  { logLocation, runId, startedAt, endedAt }: Attempt,
  region: string | undefined,
): CloudLog | undefined {
  if (logLocation === undefined) return undefined;
  // Formats of the runners: a Glue log group, or an instance's stream within a group.
  const instance = /^(.+)\/(i-[0-9a-f]+)$/.exec(logLocation);
  const group = instance?.[1] ?? logLocation;
  const which = instance ? `--log-stream-names ${instance[2]}` : `--filter-pattern '{ $.run = "${runId}" }'`;
  const at = region === undefined ? "" : ` --region ${region}`;
  const encoded = (text: string) => encodeURIComponent(encodeURIComponent(text)).replaceAll("%", "$");
  const url = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${encoded(group)}${instance ? `/log-events/${encoded(instance[2] ?? "")}` : ""}`;
  return {
    group,
    ...(instance?.[2] === undefined ? {} : { stream: instance[2] }),
    command: `aws logs tail ${group} ${which} --since ${startedAt}${endedAt === undefined ? " --follow" : ""}${at}`,
    ...(region === undefined ? {} : { url }),
  };
}

/** Returns lines with the command and the address of a log. */
export const logLines = ({ command, url }: CloudLog): string[] => [command, ...(url === undefined ? [] : [url])];
