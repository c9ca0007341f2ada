import { createHash } from "node:crypto";
import { configure } from "safe-stable-stringify";
import Type, { type Static, type TSchema } from "typebox";
import { SQL_LIMITS } from "../queries/sql/limits.ts";
import { BOUNDS } from "./bounds.ts";
import type { Problem } from "./errors.ts";
import { INPUT } from "./inputLimits.ts";
import { checkStorable, shapeProblem } from "./inspect.ts";
import { brief, invalidRequest, ProblemList } from "./problemList.ts";
import { problemsOf, suggestion, withDefaults } from "./problems.ts";
import type { NamedQuery } from "./queries.ts";
import { allQueries, allStatements, checkParams, queryNamed, statementNamed } from "./queries.ts";
import { redactUrl } from "./redact.ts";
import type { Settings } from "./settings.ts";

/** The contract's request (design section 3), as schemas: types, defaults, messages and OpenAPI all come from here. */

const Word = "letters, digits and . _ : - only, first a letter or digit, at most";
export const requestIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
export const tenantPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const REQUEST_ID_RULE = `${Word} 128 characters`;
export const RequestId = Type.String({ pattern: requestIdPattern.source, description: REQUEST_ID_RULE });
export const Tenant = Type.String({
  pattern: tenantPattern.source,
  description: "letters, digits and . _ - only, first a letter or digit, at most 64 characters",
});
const Compression = Type.Enum(["none", "gzip"], { default: "none" });
const Params = Type.Record(Type.String(), Type.Unknown(), {
  default: {},
  maxProperties: INPUT.params.count,
  propertyNames: { maxLength: INPUT.params.name },
  description: `at most ${INPUT.params.count}, with names of at most ${INPUT.params.name} characters; a text has at most ${INPUT.params.text.toLocaleString("en")}, a list ${INPUT.params.items.toLocaleString("en")} items of at most ${INPUT.params.itemText}`,
});

const Item = Type.Record(Type.String(), Type.Unknown(), {
  maxProperties: INPUT.columns.count,
  propertyNames: { maxLength: INPUT.columns.name },
  description: `at most ${INPUT.columns.count} columns, with names of at most ${INPUT.columns.name} characters`,
});
export const TARGETS = ["prices", "ports", "regions"] as const;
export type Target = (typeof TARGETS)[number];

/** A read: a named query of db/queries, or raw SQL where the stack allows it. */
export const QueryTask = Type.Object(
  {
    type: Type.Literal("read"),
    query: Type.String({ minLength: 1, maxLength: INPUT.name }),
    params: Params,
    format: Type.Enum(["csv", "ndjson", "json"], { default: "csv" }),
    compression: Compression,
  },
  { additionalProperties: false },
);
export const SqlTask = Type.Object(
  {
    type: Type.Literal("read"),
    sql: Type.String({
      minLength: 1,
      maxLength: SQL_LIMITS.bytes,
      description: `one SELECT, of at most ${SQL_LIMITS.bytes} bytes in UTF-8`,
    }),
    format: Type.Enum(["csv", "ndjson", "json"], { default: "csv" }),
    compression: Compression,
  },
  { additionalProperties: false },
);

const update = {
  type: Type.Literal("update"),
  target: Type.Enum([...TARGETS]),
  mode: Type.Enum(["append", "replace"], { default: "append" }),
};
/** An update whose items stand in the request itself. */
export const InlineTask = Type.Object(
  {
    ...update,
    source: Type.Object(
      { inline: Type.Array(Item, { minItems: 1, maxItems: INPUT.items }) },
      { additionalProperties: false },
    ),
    dryRun: Type.Boolean({ default: false }),
  },
  { additionalProperties: false },
);
const files = {
  format: Type.Enum(["csv", "ndjson"], { default: "csv" }),
  compression: Compression,
  dryRun: Type.Boolean({ default: false }),
};
/** An update from an object in S3; `version` (an ETag or version id) is pinned when the request is accepted. */
export const S3Task = Type.Object(
  {
    ...update,
    source: Type.Object(
      {
        s3: Type.String({
          pattern: "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$",
          maxLength: INPUT.s3,
          description: "of the form s3://bucket/key",
        }),
      },
      { additionalProperties: false },
    ),
    ...files,
  },
  { additionalProperties: false },
);
/** An update from an external service. */
export const UrlTask = Type.Object(
  {
    ...update,
    source: Type.Object(
      {
        url: Type.String({
          pattern: "^https://[^\\s/]+",
          maxLength: INPUT.url,
          description: "a URL that begins with https://",
        }),
      },
      { additionalProperties: false },
    ),
    ...files,
  },
  { additionalProperties: false },
);
/** A named statement of db/statements. */
export const StatementTask = Type.Object(
  { type: Type.Literal("update"), statement: Type.String({ minLength: 1, maxLength: INPUT.name }), params: Params },
  { additionalProperties: false },
);

export const Task = Type.Union([QueryTask, SqlTask, InlineTask, S3Task, UrlTask, StatementTask]);
export type Task = Static<typeof Task>;

/** Where the response goes: to the response queue too, or only to those who read it over HTTP. */
export const Reply = Type.Enum(["queue", "none"]);
export type Reply = Static<typeof Reply>;

const envelope = {
  requestId: RequestId,
  reply: Type.Optional(Reply),
  priority: Type.Integer({ minimum: 0, maximum: 9, default: 4 }),
  tenant: Type.Union([Tenant], { default: "default" }),
  labels: Type.Record(Type.String(), Type.String({ maxLength: INPUT.labels.value }), {
    default: {},
    maxProperties: INPUT.labels.count,
    propertyNames: { maxLength: INPUT.labels.name },
    description: `at most ${INPUT.labels.count}, with names of at most ${INPUT.labels.name} and values of at most ${INPUT.labels.value} characters`,
  }),
};
const Envelope = Type.Object(
  {
    ...envelope,
    tenant: Type.Optional(Tenant),
    task: Type.Unknown(),
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);

/** The whole request. */
export const Request = Type.Object(
  { ...envelope, task: Task, timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1 })) },
  { additionalProperties: false },
);
export type Request = {
  requestId: string;
  tenant: string;
  /** Undefined where the request does not say: then it depends on the way by which it came. */
  reply?: Reply;
  priority: number;
  labels: Record<string, string>;
  task: Task;
  timeoutSeconds: number;
};

export const DEFAULT_TENANT = "default";

/** What the stack allows, as far as a request's validity goes. */
export type RequestRules = Pick<Settings["jobs"], "rawSql" | "timeoutSeconds" | "maxTimeoutSeconds" | "urlHosts">;

/**
 * A request with its defaults filled in, or everything that is wrong with it.
 * @param found what was wrong with its text already
 * @throws JobError InvalidRequest, its details all the problems.
 */
export function parseRequest(value: unknown, rules: RequestRules, found: readonly Problem[] = []): Request {
  const problems = new ProblemList();
  problems.addAll(found);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw invalidRequest([{ field: "request", value: brief(value), message: "has to be a JSON object." }]);
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
      message: `has to be <= ${rules.maxTimeoutSeconds}, the stack's maximum.`,
    }));
  checkLabels(filled as { labels?: unknown }, problems);
  const task = rawTask === undefined ? undefined : parseTask(rawTask, rules, problems);
  if (problems.length > 0 || task === undefined) throw invalidRequest(problems);
  return { tenant: DEFAULT_TENANT, timeoutSeconds: rules.timeoutSeconds, ...(filled as object), task } as Request;
}

/** Labels are part of every response and document. */
function checkLabels({ labels }: { labels?: unknown }, problems: ProblemList): void {
  if (labels === null || typeof labels !== "object") return;
  // As jobs.bounded_labels counts: with what is escaped in a response.
  const bytes = Buffer.byteLength(JSON.stringify(labels).replace(/[\uFFFE\uFFFF]/g, "\\uffff"));
  const most = BOUNDS.labelsBytes - LABEL_SPACES;
  if (bytes <= most) return;
  problems.add(() => ({
    field: "labels",
    message: `must have at most ${most} bytes as JSON, and have ${bytes}. Send fewer or shorter labels.`,
  }));
}
/** Spaces that Postgres writes into the JSON of 32 labels. */
const LABEL_SPACES = 64;

function parseTask(value: unknown, rules: RequestRules, problems: ProblemList): Task | undefined {
  const chosen = schemaFor(value);
  if (typeof chosen !== "object" || "message" in chosen) {
    problems.add(() => chosen as Problem);
    return undefined;
  }
  const task = withDefaults(chosen, value) as Task;
  problems.addAll(problemsOf(chosen, task, "task"));
  if ("query" in task) named("query", task.query, queryNamed, allQueries(), task.params, problems);
  else if ("statement" in task)
    named("statement", task.statement, statementNamed, allStatements(), task.params, problems);
  else if ("sql" in task && !rules.rawSql)
    problems.add(() => ({
      field: "task.sql",
      value: task.sql,
      message: "is not allowed in this stack. Use a named query; GET /queries lists them.",
    }));
  else if ("sql" in task && typeof task.sql === "string" && Buffer.byteLength(task.sql) > INPUT.sqlBytes)
    problems.add(() => ({
      field: "task.sql",
      message: `has ${Buffer.byteLength(task.sql)} bytes, and has to have at most ${INPUT.sqlBytes}.`,
    }));
  else if ("source" in task && task.source && "s3" in task.source && isSigned(task.source.s3))
    problems.add(() => ({
      field: "task.source.s3",
      message: "holds a signature. Name the object only: s3://bucket/key.",
    }));
  else if ("source" in task && task.source && "url" in task.source && typeof task.source.url === "string")
    allowedHost(task.source.url, rules.urlHosts, problems);
  return task;
}

/** The one variant of a task that a value can have been meant as: its errors then speak of that one only. */
function schemaFor(value: unknown): TSchema | Problem {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return { field: "task", value: brief(value), message: "has to be a JSON object." };
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
        ? { field: "task.source", value: brief(source), message: "has to be an object with inline, s3 or url." }
        : InlineTask;
    const kinds = ["inline", "s3", "url"].filter((kind) => kind in source);
    if (kinds.length > 1) return { field: "task.source", message: `has ${kinds.join(" and ")}. Keep one.` };
    if (kinds.length === 0)
      return { field: "task.source", value: brief(source), message: "has to have one of: inline, s3, url." };
    return kinds[0] === "s3" ? S3Task : kinds[0] === "url" ? UrlTask : InlineTask;
  }
  return "type" in task
    ? { field: "task.type", value: brief(task.type), message: "has to be one of: read, update." }
    : { field: "task.type", message: "is missing. It is read or update." };
}

/** Whether the query of a signed URL was left behind an object's key: a job's document shows its location. */
const isSigned = (location: unknown): boolean =>
  typeof location === "string" &&
  /[?&]x-amz-(?:signature|credential|security-token)=/i.test(location.slice(0, INPUT.s3));

function named(
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
        all.map((one) => one.name),
      )}`,
    }));
  } else if (params !== null && typeof params === "object" && !Array.isArray(params)) {
    problems.addAll(checkParams(query, params as Record<string, unknown>));
  }
}

function allowedHost(address: string, hosts: readonly string[], problems: ProblemList): void {
  const wrong = (message: string) =>
    problems.add(() => ({ field: "task.source.url", value: redactUrl(address), message }));
  const url = URL.parse(address);
  if (!url) wrong("is not a URL.");
  else if (url.username || url.password) wrong("must not hold a user name or password.");
  else if (hosts.includes(url.hostname) && url.port !== "")
    wrong(`names port ${url.port}. Leave it out: sources are read from 443 only.`);
  else if (!hosts.includes(url.host))
    wrong(
      `names a host that is not on this stack's list (${hosts.join(", ") || "which is empty"}). Ask the operator to add it to jobs.urlHosts, or upload the file and use s3.`,
    );
}

const stringify = configure({ deterministic: true });
const sha256 = (...parts: string[]) => createHash("sha256").update(parts.join("\n")).digest("hex");

/** SHA-256 of the canonical task: defaults filled in, keys sorted. Equal hashes mean the same work. */
export const hashOf = (task: Task): string => sha256(stringify(task) ?? "");

/** The id that every copy of the response to this request carries. */
export const responseIdOf = (tenant: string, requestId: string, hash: string): string =>
  sha256(tenant, requestId, hash).slice(0, 32);
