import { isTerminal, RUNNER_NAMES, RUNNERS, STATES } from "../../contract/states.ts";
import { describeTask } from "./describeTask.ts";
import type { JobDocument } from "./events.ts";
import { blocks } from "./progress.ts";
import { bytesText, colourState, dim, durationText, plain } from "./screen.ts";
import { table, truncateToWidth } from "./table.ts";
import { fullRunners, type Snapshot } from "./topSnapshot.ts";
import { styled } from "./visible.ts";

/** Width of a runner type's bar, in columns. */
const BAR_WIDTH = 16;
const MINUTE_MS = 60_000;

/** Size and stream of the output. */
export interface Frame {
  columns: number;
  /** Number of lines; a table that does not fit is shortened. */
  lines: number;
  stream: NodeJS.WriteStream;
}

/** Formats a snapshot as lines that fit on the screen. The summary is never omitted, even if it has more lines. */
export function snapshotLines(snapshot: Snapshot, { columns, lines, stream }: Frame): string[] {
  const { capacity, bottleneck } = snapshot;
  const head = [
    ...(bottleneck ? [bottleneck.sentence] : []),
    statesLine(snapshot, stream),
    ...(capacity ? RUNNERS.map((runnerType) => runnerLine(snapshot, capacity, runnerType, stream)) : []),
    waitingLine(snapshot),
    ...(snapshot.waiting?.remedy === undefined ? [] : [`         ${plain(snapshot.waiting.remedy)}`]),
    endedLine(snapshot),
    ...timesLines(snapshot),
  ].map((line) => truncateToWidth(line, columns));
  // Running jobs come first; the slowest jobs get the remaining lines.
  const remaining = lines - head.length;
  const running = tableLines(
    "Running",
    snapshot.running,
    runningRow(snapshot),
    RUNNING_HEADINGS,
    remaining,
    columns,
    stream,
  );
  const slowest = tableLines(
    "Slowest of the last hour",
    snapshot.slowest,
    slowestRow,
    SLOWEST_HEADINGS,
    remaining - running.length,
    columns,
    stream,
  );
  return [...head, ...running, ...slowest];
}

function statesLine({ byStatus }: Snapshot, stream: NodeJS.WriteStream): string {
  const counts = STATES.filter((state) => !isTerminal(state) || (byStatus[state] ?? 0) > 0).map(
    (state) => `${(byStatus[state] ?? 0).toLocaleString("en")} ${colourState(state, stream)}`,
  );
  return `Jobs     ${counts.join("  ")}`;
}

function runnerLine(
  snapshot: Snapshot,
  capacity: NonNullable<Snapshot["capacity"]>,
  runnerType: (typeof RUNNERS)[number],
  stream: NodeJS.WriteStream,
): string {
  const { running, working, slots } = capacity[runnerType];
  const bar = blocks(slots === 0 ? 0 : working / slots, BAR_WIDTH);
  const isFull = fullRunners(snapshot).includes(runnerType);
  const warm = Math.max(0, running - working);
  const counts = `${working} of ${slots} busy${isFull ? ", full" : warm > 0 ? `, ${warm} warm or starting` : ""}`;
  return `${RUNNER_NAMES[runnerType].service.padEnd(7)}  ${isFull ? styled("yellow", bar, stream) : bar} ${counts}`;
}

function waitingLine({ oldest, waiting, at, byStatus }: Snapshot): string {
  if (oldest === undefined) return "Oldest   nothing waits";
  const waited = durationText(Math.max(0, Date.parse(at) - Date.parse(oldest.createdAt)));
  if (waiting !== undefined) return `Oldest   ${oldest.requestId}: ${plain(waiting.sentence)}: ${describeTask(oldest)}`;
  return `Oldest   ${oldest.requestId} has waited ${waited}, the longest of ${(byStatus.PENDING ?? 1).toLocaleString("en")}: ${describeTask(oldest)}`;
}

function endedLine({ ended }: Snapshot): string {
  const rate = (ended.jobs / ended.milliseconds) * MINUTE_MS;
  return `Ended    ${rateText(rate)} per minute${ended.failed > 0 ? ` (${ended.failed} failed)` : ""}`;
}

function timesLines({ percentiles: { queueMs, executionMs } }: Snapshot): string[] {
  const times = Object.entries({ waited: queueMs, ran: executionMs }).flatMap(([name, { p50, p95 }]) =>
    p50 === null || p95 === null ? [] : [`${name} ${durationText(p50)} (p95 ${durationText(p95)})`],
  );
  return times.length === 0 ? [] : [`Times    ${times.join(", ")}`];
}

/** Formats a rate; low rates keep a decimal. */
const rateText = (rate: number) => (rate > 0 && rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en"));

const RUNNING_HEADINGS = ["ID", "ON", "FOR", "ROWS", "READ", "WHAT"];
const runningRow =
  ({ at }: Snapshot) =>
  (job: JobDocument) => {
    const { startedAt = job.createdAt, attempts, progress } = job;
    return [
      job.requestId,
      attempts.at(-1)?.runner ?? "",
      durationText(Math.max(0, Date.parse(at) - Date.parse(startedAt))),
      progress.rows.toLocaleString("en"),
      bytesText(progress.bytes),
      describeTask(job),
    ];
  };
/** Numeric columns of both tables. */
const NUMERIC_COLUMNS = [2, 3, 4];
const SLOWEST_HEADINGS = ["ID", "STATUS", "TOOK", "WAITED", "RAN", "WHAT"];
const slowestRow = (job: JobDocument) => [
  job.requestId,
  job.status,
  durationText(job.stats?.totalMs ?? 0),
  durationText(job.stats?.queueMs ?? 0),
  durationText(job.stats?.executionMs ?? 0),
  describeTask(job),
];

/** Formats a table with a title and the rows that fit. Returns no lines if no row fits. */
function tableLines(
  title: string,
  jobs: readonly JobDocument[],
  row: (job: JobDocument) => string[],
  head: readonly string[],
  maxLines: number,
  columns: number,
  stream: NodeJS.WriteStream,
): string[] {
  const rows = jobs.slice(0, Math.max(0, maxLines - 3)).map(row);
  if (rows.length === 0) return [];
  const colour = (cell: string, column: number) =>
    head === SLOWEST_HEADINGS && column === 1 ? cell.replace(/\S+/, (status) => colourState(status, stream)) : cell;
  return [
    "",
    dim(title, stream),
    ...table(head, rows, columns, { stream, colour, keep: [0], right: NUMERIC_COLUMNS }).split("\n"),
  ];
}

/** Joins the reason of a wait and its remedy. */
const waitingText = (waiting: Snapshot["waiting"]): string =>
  waiting === undefined ? "" : [waiting.sentence, ...(waiting.remedy === undefined ? [] : [waiting.remedy])].join(". ");

/**
 * Formats a snapshot as one line for pipes. It ends with the bottleneck or, without one, the reason of the longest wait.
 */
export function snapshotLine({ at, byStatus, capacity, oldest, ended, bottleneck, waiting }: Snapshot): string {
  const runs = capacity
    ? RUNNERS.map((runnerType) => `${runnerType} ${capacity[runnerType].working}/${capacity[runnerType].slots}`)
    : [];
  const waited = oldest ? durationText(Math.max(0, Date.parse(at) - Date.parse(oldest.createdAt))) : "none";
  return [
    at.slice(0, 19),
    `waiting ${byStatus.PENDING ?? 0}`,
    `running ${byStatus.IN_PROGRESS ?? 0}`,
    ...runs,
    `oldest ${waited}`,
    `${rateText((ended.jobs / ended.milliseconds) * MINUTE_MS)}/min`,
    plain(bottleneck?.sentence ?? waitingText(waiting)),
  ]
    .filter((part) => part !== "")
    .join("  ");
}
