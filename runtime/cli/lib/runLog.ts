import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, isAbsolute } from "node:path";
import type { JobDocument } from "./events.ts";
import { plain } from "./screen.ts";
import { styled } from "./visible.ts";

type Attempt = JobDocument["attempts"][number];

/** Log lines belong to an attempt from this time before its start until this time after its end, in milliseconds. */
const MARGIN_MS = { before: 1_000, after: 5_000 } as const;
/** Names and colours of log levels: numbers from pino, words from the Glue runner. */
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
/** Omitted fields, which are the same in every line or shown elsewhere. */
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
 * Returns the path of an attempt's log if it is a local file. Only names of the local platform's logs are accepted, so
 * that a server cannot make the command print other files.
 */
export function localLog({ logLocation, runId }: Attempt): string | undefined {
  const isRunLog =
    logLocation !== undefined && basename(logLocation) === `runner-${runId}.log` && isAbsolute(logLocation);
  return isRunLog && existsSync(logLocation) ? logLocation : undefined;
}

/** Reads one job's lines from the log file of a run, which logs several jobs. Each read continues after the last. */
export class RunLog {
  readonly #file: string;
  readonly #requestId: string;
  #handle: FileHandle | undefined;
  #offset = 0;
  #incompleteLine = Buffer.alloc(0);
  /** True if the last line with a time belongs to the job. Lines without a time (a stack trace) belong to that line. */
  #isInJob = false;

  constructor(file: string, requestId: string) {
    this.#file = file;
    this.#requestId = requestId;
  }

  /** Returns the job's complete lines since the last read, within the time of the attempt. */
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
    const matching = lines.filter((line) => this.#belongsToJob(line, attempt));
    return bytesRead === buffer.length ? [...matching, ...(await this.lines(attempt))] : matching;
  }

  #belongsToJob(line: string, { startedAt, endedAt }: Pick<Attempt, "startedAt" | "endedAt">): boolean {
    const { time, requestId } = fieldsOf(line);
    if (typeof time !== "number") return this.#isInJob;
    const isInTime =
      time >= Date.parse(startedAt) - MARGIN_MS.before &&
      (endedAt === undefined || time <= Date.parse(endedAt) + MARGIN_MS.after);
    this.#isInJob = isInTime && (requestId === undefined || requestId === this.#requestId);
    return this.#isInJob;
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
  /** Link to the AWS console; absent if the region is unknown. */
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
  // A Glue run records a log group; an EC2 run records a group and its instance's stream.
  const instance = /^(.+)\/(i-[0-9a-f]+)$/.exec(logLocation);
  const group = instance?.[1] ?? logLocation;
  const selection = instance ? `--log-stream-names ${instance[2]}` : `--filter-pattern '{ $.run = "${runId}" }'`;
  const regionOption = region === undefined ? "" : ` --region ${region}`;
  const encoded = (text: string) => encodeURIComponent(encodeURIComponent(text)).replaceAll("%", "$");
  const url = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${encoded(group)}${instance ? `/log-events/${encoded(instance[2] ?? "")}` : ""}`;
  return {
    group,
    ...(instance?.[2] === undefined ? {} : { stream: instance[2] }),
    command: `aws logs tail ${group} ${selection} --since ${startedAt}${endedAt === undefined ? " --follow" : ""}${regionOption}`,
    ...(region === undefined ? {} : { url }),
  };
}

/** Returns lines with the command and the link of a log. */
export const logLines = ({ command, url }: CloudLog): string[] => [command, ...(url === undefined ? [] : [url])];
