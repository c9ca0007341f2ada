/** Formats numbers and times for people. */

const NO_VALUE = "–";
/** Non-breaking space between a number and its unit. */
const UNIT = "\u00a0";

/** @param {number | null | undefined} value */
export const count = (value) =>
  value === null || value === undefined ? NO_VALUE : Math.round(value).toLocaleString("en");

/**
 * Formats a count with its noun: "1 row", "12 rows".
 * @type {(value: number | null | undefined, noun: string) => string}
 */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/**
 * Formats a duration: "340 ms", "2.4 s", "3 min 5 s", "2 h 4 min". Negative durations, from differing clocks, become 0.
 * @param {number | null | undefined} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return NO_VALUE;
  const ms = Math.max(0, milliseconds);
  if (ms < 999.5) return `${Math.round(ms)}${UNIT}ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)}${UNIT}s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}${UNIT}s`;
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  if (seconds < 86_400) return pair(Math.floor(seconds / 3_600), "h", Math.floor((seconds % 3_600) / 60), "min");
  return pair(Math.floor(seconds / 86_400), "d", Math.floor((seconds % 86_400) / 3_600), "h");
}
/** @type {(large: number, largeUnit: string, small: number, smallUnit: string) => string} */
const pair = (large, largeUnit, small, smallUnit) =>
  `${large}${UNIT}${largeUnit}${small > 0 ? `${UNIT}${small}${UNIT}${smallUnit}` : ""}`;

/** Formats a size: "812 B", "1.4 kB", "23 MB". @param {number | null | undefined} value */
export function bytes(value) {
  if (value === null || value === undefined) return NO_VALUE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let amount = value;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  return `${unit > 0 && amount < 9.95 ? amount.toFixed(1) : Math.round(amount)}${UNIT}${units[unit]}`;
}

/** Formats the estimated cost of a job with two significant digits: "0.00023 USD". @param {number} amount */
export const cost = (amount) =>
  `${Number(amount.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 8 })}${UNIT}USD`;

/** Formats a share: "12 %". A positive share never becomes "0 %". @type {(part: number, total: number) => string} */
export function percent(part, total) {
  if (total === 0) return NO_VALUE;
  const share = (100 * part) / total;
  return share > 0 && share < 1 ? `<${UNIT}1${UNIT}%` : `${Math.round(share)}${UNIT}%`;
}

/**
 * Formats an age: "now", "40 s ago", "3 min ago", "2 h ago", "4 d ago".
 * @type {(iso: string, now?: number) => string}
 */
export function ago(iso, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(iso)) / 1_000);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}

/** @type {Intl.DateTimeFormatOptions} */
const TO_THE_MINUTE = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };

/** Formats a time in the browser's time zone: "25 Nov 2026, 04:38:05". @param {string} iso */
export const dateTime = (iso) => new Date(iso).toLocaleString("en-GB", { ...TO_THE_MINUTE, second: "2-digit" });

/** Formats a time without seconds: "25 Nov 2026, 04:38". @param {string} iso */
export const dateTimeToMinute = (iso) => new Date(iso).toLocaleString("en-GB", TO_THE_MINUTE);

/** Formats a time of day in the browser's time zone: "04:38:05". @param {number} ms */
export const timeOfDay = (ms) => new Date(ms).toLocaleTimeString("en-GB");

/** Returns the name of the browser's time zone: "UTC", "GMT+1". @param {string} iso */
export const zone = (iso) =>
  new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" })
    .formatToParts(new Date(iso))
    .find(({ type }) => type === "timeZoneName")?.value ?? "";

/** @type {Record<import("../../../contract/states.ts").DocumentState, string>} */
export const STATE_LABELS = {
  PENDING: "Waiting",
  IN_PROGRESS: "Running",
  SUCCEEDED: "Succeeded",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
  REJECTED: "Rejected",
};

/**
 * Names an attempt's outcome: a state, or the type of the error that ended it.
 * @param {string | undefined} outcome undefined while it runs
 */
export const outcomeText = (outcome) =>
  outcome === undefined
    ? STATE_LABELS.IN_PROGRESS
    : (Object.entries(STATE_LABELS).find(([state]) => state === outcome)?.[1] ?? outcome);

/** @type {Record<import("../../../contract/states.ts").RunnerType, string>} */
export const RUNNER_LABELS = { glue: "Glue", ec2: "EC2" };

/** Names a job's task by its query, statement, target or SQL. @param {import("./types.ts").Job["task"]} task */
export function taskName({ query, statement, target, mode, sql, dryRun }) {
  if (query !== undefined) return query;
  if (statement !== undefined) return statement;
  if (target !== undefined) return `${dryRun ? "check" : "load"} ${target}${mode === "replace" ? " (replace)" : ""}`;
  return truncate((sql ?? "").replace(/\s+/g, " ").trim(), MAX_SQL_LENGTH);
}

/** Maximum length of SQL in the name of a task. */
const MAX_SQL_LENGTH = 80;

/** Shortens text, with an ellipsis. @type {(text: string, max: number) => string} */
export const truncate = (text, max) => (text.length > max ? `${text.slice(0, max - 1).toWellFormed()}…` : text);

/**
 * Returns the progress of a running job from 0 to 1; undefined if it is unknown.
 * @param {import("./types.ts").Job["progress"]} progress
 */
export const shareDone = ({ rows, estimatedRows }) =>
  estimatedRows === undefined || estimatedRows <= 0 ? undefined : Math.min(1, rows / estimatedRows);
