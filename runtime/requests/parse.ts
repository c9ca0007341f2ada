import { configure } from "safe-stable-stringify";
import type { TSchema } from "typebox";
import { BOUNDS } from "../contract/bounds.ts";
import type { Problem } from "../contract/errors.ts";
import { INPUT } from "../contract/inputLimits.ts";
import { checkStorable, shapeProblem } from "../contract/inspect.ts";
import { invalidRequest, ProblemList, redactAndTruncate } from "../contract/problemList.ts";
import { problemsOf, suggestion, withDefaults } from "../contract/problems.ts";
import { redactUrl } from "../contract/redact.ts";
import {
  DEFAULT_TENANT,
  Envelope,
  InlineTask,
  QueryTask,
  type Request,
  S3Task,
  SqlTask,
  StatementTask,
  type Task,
  UrlTask,
} from "../contract/request.ts";
import type { Settings } from "../platform/settings.ts";
import {
  allQueries,
  allStatements,
  checkParams,
  findQuery,
  findStatement,
  type NamedQuery,
} from "../queries/catalogue.ts";

/** Rules of the stack that affect a request's validity. */
export type RequestRules = Pick<Settings["jobs"], "rawSql" | "timeoutSeconds" | "maxTimeoutSeconds" | "urlHosts">;

/**
 * Validates a request and fills in its defaults.
 * @param textProblems problems found in its text
 * @throws JobError InvalidRequest with all problems in its details
 */
export function parseRequest(value: unknown, rules: RequestRules, textProblems: readonly Problem[] = []): Request {
  const problems = new ProblemList();
  problems.addAll(textProblems);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw invalidRequest([{ field: "request", value: redactAndTruncate(value), message: "must be a JSON object." }]);
  const shape = shapeProblem(value);
  if (shape !== undefined) {
    problems.add(() => ({ field: "request", message: shape }));
    throw invalidRequest(problems);
  }
  const filled = withDefaults(Envelope, value);
  problems.addAll(problemsOf(Envelope, filled));
  checkStorable(value, problems);

  const { task: rawTask, timeoutSeconds } = filled as { task?: unknown; timeoutSeconds?: number };
  if (typeof timeoutSeconds === "number" && timeoutSeconds > rules.maxTimeoutSeconds)
    problems.add(() => ({
      field: "timeoutSeconds",
      value: timeoutSeconds,
      message: `must be at most ${rules.maxTimeoutSeconds}, the stack's maximum.`,
    }));
  checkLabels(filled as { labels?: unknown }, problems);
  const task = rawTask === undefined ? undefined : parseTask(rawTask, rules, problems);
  if (problems.length > 0 || task === undefined) throw invalidRequest(problems);
  return { tenant: DEFAULT_TENANT, timeoutSeconds: rules.timeoutSeconds, ...(filled as object), task } as Request;
}

/**
 * Fills in a request's defaults without checking its task and timeout, to compare it with a job that was accepted
 * before.
 * @returns undefined if the rest of the request is invalid
 */
export function requestAsSent(value: unknown, rules: RequestRules): Request | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value) || shapeProblem(value) !== undefined)
    return undefined;
  const filled = withDefaults(Envelope, value) as Record<string, unknown>;
  const problems = new ProblemList();
  problems.addAll(problemsOf(Envelope, filled));
  checkStorable(value, problems);
  checkLabels(filled, problems);
  const schema = schemaFor(filled.task);
  if (problems.length > 0 || "message" in schema) return undefined;
  const task = withDefaults(schema, filled.task) as Task;
  if ("params" in task && (task.params === null || typeof task.params !== "object")) return undefined;
  return { tenant: DEFAULT_TENANT, ...filled, timeoutSeconds: rules.timeoutSeconds, task } as Request;
}

/** Checks the size of the labels, which are part of every response and document. */
function checkLabels({ labels }: { labels?: unknown }, problems: ProblemList): void {
  if (labels === null || typeof labels !== "object") return;
  const bytes = labelsBytes(labels);
  if (bytes <= MAX_LABELS_BYTES) return;
  problems.add(() => ({
    field: "labels",
    message: `has ${bytes} bytes as JSON; the maximum is ${MAX_LABELS_BYTES}. Send fewer or shorter labels.`,
  }));
}

/** Returns the size of labels as JSON with the escapes of a response, as jobs.bounded_labels counts it. */
const labelsBytes = (labels: object): number =>
  Buffer.byteLength(JSON.stringify(labels).replace(/[\uFFFE\uFFFF]/g, "\\uffff"));

/** Returns true if a request may have these labels, whose names and values are valid. */
export const areLabelsWithinLimits = (labels: Readonly<Record<string, string>>): boolean =>
  Object.keys(labels).length <= INPUT.labels.count && labelsBytes(labels) <= MAX_LABELS_BYTES;

/** Spaces that Postgres writes into the JSON of 32 labels. */
const LABEL_SPACES = 64;
const MAX_LABELS_BYTES = BOUNDS.labelsBytes - LABEL_SPACES;

function parseTask(value: unknown, rules: RequestRules, problems: ProblemList): Task | undefined {
  const schema = schemaFor(value);
  if (typeof schema !== "object" || "message" in schema) {
    problems.add(() => schema as Problem);
    return undefined;
  }
  const task = withDefaults(schema, value) as Task;
  problems.addAll(problemsOf(schema, task, "task"));
  if ("query" in task) checkNamedQuery("query", task.query, findQuery, allQueries(), task.params, problems);
  else if ("statement" in task)
    checkNamedQuery("statement", task.statement, findStatement, allStatements(), task.params, problems);
  else if ("sql" in task && !rules.rawSql)
    problems.add(() => ({
      field: "task.sql",
      value: task.sql,
      message: "is not allowed in this stack. Use a named query; GET /queries lists them.",
    }));
  else if ("sql" in task && typeof task.sql === "string" && Buffer.byteLength(task.sql) > INPUT.sqlBytes)
    problems.add(() => ({
      field: "task.sql",
      message: `has ${Buffer.byteLength(task.sql)} bytes; the maximum is ${INPUT.sqlBytes}.`,
    }));
  else if ("source" in task && task.source && "s3" in task.source && isSigned(task.source.s3))
    problems.add(() => ({
      field: "task.source.s3",
      message: "contains a signature. Send the location only: s3://bucket/key.",
    }));
  else if ("source" in task && task.source && "url" in task.source && typeof task.source.url === "string")
    checkHost(task.source.url, rules.urlHosts, problems);
  return task;
}

/** Selects a task's schema by its type and fields, so that errors name only the fields of that schema. */
function schemaFor(value: unknown): TSchema | Problem {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return { field: "task", value: redactAndTruncate(value), message: "must be a JSON object." };
  const task = value as Record<string, unknown>;
  if (task.type === "read") {
    if ("sql" in task && "query" in task) return { field: "task", message: "has both query and sql. Keep one." };
    return "sql" in task ? SqlTask : QueryTask;
  }
  if (task.type === "update") {
    if ("statement" in task) return StatementTask;
    const source = task.source;
    if (source === null || typeof source !== "object")
      return "source" in task
        ? {
            field: "task.source",
            value: redactAndTruncate(source),
            message: "must be an object with inline, s3 or url.",
          }
        : InlineTask;
    const sourceTypes = ["inline", "s3", "url"].filter((kind) => kind in source);
    if (sourceTypes.length > 1) return { field: "task.source", message: `has ${sourceTypes.join(" and ")}. Keep one.` };
    if (sourceTypes.length === 0)
      return { field: "task.source", value: redactAndTruncate(source), message: "must have one of: inline, s3, url." };
    return sourceTypes[0] === "s3" ? S3Task : sourceTypes[0] === "url" ? UrlTask : InlineTask;
  }
  return "type" in task
    ? { field: "task.type", value: redactAndTruncate(task.type), message: "must be one of: read, update." }
    : { field: "task.type", message: "is missing. It must be read or update." };
}

/** Returns true if a location has the query of a signed URL. The job's document would show the signature. */
const isSigned = (location: unknown): boolean =>
  typeof location === "string" &&
  /x-amz-(?:signature|credential|security-token)(?:=|%3d)/i.test(location.slice(0, INPUT.s3));

function checkNamedQuery(
  kind: "query" | "statement",
  name: unknown,
  find: (name: string) => NamedQuery | undefined,
  all: readonly NamedQuery[],
  params: unknown,
  problems: ProblemList,
): void {
  if (typeof name !== "string" || name === "") return;
  const query = find(name);
  if (!query) {
    problems.add(() => ({
      field: `task.${kind}`,
      value: name,
      message: `is not a ${kind} of this platform.${suggestion(
        name,
        all.map(({ name }) => name),
      )}`,
    }));
  } else if (params !== null && typeof params === "object" && !Array.isArray(params)) {
    problems.addAll(checkParams(query, params as Record<string, unknown>));
  }
}

function checkHost(address: string, hosts: readonly string[], problems: ProblemList): void {
  const addProblem = (message: string) =>
    problems.add(() => ({ field: "task.source.url", value: redactUrl(address), message }));
  const url = URL.parse(address);
  if (!url) addProblem("is not a URL.");
  else if (url.username || url.password) addProblem("must not contain a user name or password.");
  else if (hosts.includes(url.hostname) && url.port !== "")
    addProblem(`names port ${url.port}. Leave it out: sources are read only from port 443.`);
  else if (!hosts.includes(url.host))
    addProblem(
      `names a host that is not on this stack's list (${hosts.join(", ") || "which is empty"}). Ask the operator to add it to jobs.urlHosts, or upload the file and use s3.`,
    );
}

const stringify = configure({ deterministic: true });

/** Returns a task without parameters that are null or equal their default; the request hash is computed from it. */
export function canonical(task: Task): Task {
  const query =
    "query" in task ? findQuery(task.query) : "statement" in task ? findStatement(task.statement) : undefined;
  if (!query || !("params" in task)) return task;
  const defaults = new Map(query.params.map((param) => [param.name, stringify(param.default ?? null)]));
  const params = Object.entries(task.params).filter(
    ([name, value]) => value !== null && (!defaults.has(name) || stringify(value) !== defaults.get(name)),
  );
  return { ...task, params: Object.fromEntries(params) };
}
