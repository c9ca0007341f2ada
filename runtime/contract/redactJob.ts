import { escapeInvisibleInText } from "./invisible.ts";
import { redactText, redactUrl } from "./redact.ts";
import type { Task } from "./request.ts";

/** Replacements of a job's task and labels in documents. */
export interface RedactedFields {
  /** Redacted task. */
  task?: object;
  /** Redacted labels. */
  labels?: Record<string, string>;
}

/**
 * Removes possible credentials from a job's source URL, labels, parameters and SQL for its document. The task that runs
 * and the labels in the response are unchanged.
 *
 * @param task - The task without inline items.
 * @returns The fields that differ from the request; null if none does.
 */
export function redactedFields(task: object, labels: Readonly<Record<string, string>>): RedactedFields | null {
  const redactedTask = redactTask(task as Task);
  const redactedLabels = redactValues(labels) as Record<string, string>;
  const redacted: RedactedFields = {
    ...(redactedTask === task ? {} : { task: redactedTask }),
    ...(redactedLabels === labels ? {} : { labels: redactedLabels }),
  };
  return "task" in redacted || "labels" in redacted ? redacted : null;
}

function redactTask(task: Task): object {
  if ("sql" in task) {
    const sql = redactSql(task.sql);
    return sql === task.sql ? task : { ...task, sql };
  }
  if ("params" in task) {
    const params = redactValues(task.params);
    return params === task.params ? task : { ...task, params };
  }
  if (!("source" in task) || !("url" in task.source)) return task;
  const url = redactUrl(task.source.url);
  return url === task.source.url ? task : { ...task, source: { ...task.source, url } };
}

/** Removes credentials from the texts and names of a value; returns the same object if it has none. */
function redactValues(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, inner]) => [redactText(name), redactValues(inner)] as const);
  const before = Object.entries(value);
  if (entries.every(([name, inner], index) => name === before[index]?.[0] && inner === before[index]?.[1]))
    return value;
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

/**
 * Matches strings (E'…' with backslashes), quoted names and line comments of SQL, and the beginning of block comments and
 * dollar-quoted strings.
 */
const QUOTED_TEXT =
  /\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|--[^\n]*|\/\*|\$(?:[A-Za-z_]\w{0,62})?\$/g;

/** Removes credentials from strings, quoted names and comments of SQL; the rest is unchanged. */
export function redactSql(sql: string): string {
  let redacted = "";
  let from = 0;
  QUOTED_TEXT.lastIndex = 0;
  for (let match = QUOTED_TEXT.exec(sql); match !== null; match = QUOTED_TEXT.exec(sql)) {
    const [start] = match;
    const closing = start === "/*" ? "*/" : start.startsWith("$") ? start : undefined;
    const textStart = match.index + start.length;
    const end =
      closing === "*/" ? commentEnd(sql, textStart) : closing ? endOf(sql, closing, textStart) : QUOTED_TEXT.lastIndex;
    redacted +=
      sql.slice(from, match.index) +
      redactQuoted(sql.slice(match.index, end), closing ?? /['"-]/.exec(start)?.[0] ?? "");
    from = end;
    QUOTED_TEXT.lastIndex = end;
  }
  return redacted + sql.slice(from);
}

/** Returns the index after the closing text, or the end of the SQL if it is not closed. */
function endOf(sql: string, closing: string, from: number): number {
  const at = sql.indexOf(closing, from);
  return at < 0 ? sql.length : at + closing.length;
}

/** Returns the index after the end of a block comment. Postgres nests comments. */
function commentEnd(sql: string, from: number): number {
  const delimiters = /\/\*|\*\//g;
  delimiters.lastIndex = from;
  let depth = 1;
  for (let match = delimiters.exec(sql); match !== null; match = delimiters.exec(sql)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return delimiters.lastIndex;
  }
  return sql.length;
}

/** Redacts a quoted text, and adds the closing quote if it was removed. */
function redactQuoted(quoted: string, closing: string): string {
  const redacted = redactText(quoted);
  if (redacted === quoted) return quoted;
  return closing === "-" || redacted.endsWith(closing) ? redacted : redacted + closing;
}

/** Matches the beginning of a URL, or a parameter that only credentials have. */
const SECRET_START =
  /\b[a-z][a-z0-9+.-]{0,20}:[\\/]{2}|\b(?:x-amz-(?:signature|credential|security-token|algorithm)|sig|signature|password)(?:=|%3d)/i;

/**
 * Redacts a message of Postgres, which may repeat text of the statement: cuts it at the first URL or credential, and
 * escapes invisible characters. The Python runner does the same (redact_message in runtime/runner/glue/runner.py).
 */
export function redactMessage(message: string): string {
  const at = message.search(SECRET_START);
  return escapeInvisibleInText(at < 0 ? message : `${message.slice(0, at)}…`);
}
