import { createHash } from "node:crypto";
import { configure } from "safe-stable-stringify";
import Type, { type Static, type TSchema } from "typebox";
import Value from "typebox/value";
import { BOUNDS } from "./bounds.ts";
import { JobError, type Problem } from "./errors.ts";
import { brief, problemsOf, suggestion } from "./problems.ts";
import type { NamedQuery } from "./queries.ts";
import { allQueries, allStatements, checkParams, queryNamed, statementNamed } from "./queries.ts";
import { isText } from "./queryParams.ts";
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
const Params = Type.Record(Type.String(), Type.Unknown(), { default: {} });

const Item = Type.Record(Type.String(), Type.Unknown());
export const TARGETS = ["prices", "ports", "regions"] as const;
export type Target = (typeof TARGETS)[number];

/** A read: a named query of db/queries, or raw SQL where the stack allows it. */
export const QueryTask = Type.Object(
  {
    type: Type.Literal("read"),
    query: Type.String({ minLength: 1 }),
    params: Params,
    format: Type.Enum(["csv", "ndjson", "json"], { default: "csv" }),
    compression: Compression,
  },
  { additionalProperties: false },
);
export const SqlTask = Type.Object(
  {
    type: Type.Literal("read"),
    sql: Type.String({ minLength: 1, maxLength: 100_000 }),
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
    source: Type.Object({ inline: Type.Array(Item, { minItems: 1 }) }, { additionalProperties: false }),
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
          maxLength: 1_100,
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
          maxLength: 4_000,
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
  { type: Type.Literal("update"), statement: Type.String({ minLength: 1 }), params: Params },
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
  labels: Type.Record(Type.String(), Type.String({ maxLength: 256 }), { default: {}, maxProperties: 32 }),
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
  const problems: Problem[] = [...found];
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw invalid([{ field: "request", value: brief(value), message: "has to be a JSON object." }]);
  if (isDeeper(value, MOST_LEVELS))
    throw invalid([{ field: "request", message: `is nested deeper than ${MOST_LEVELS} levels.` }]);
  const filled = fill(Envelope, value);
  problems.push(...problemsOf(Envelope, filled), ...unstorable(value));

  const { task: rawTask, timeoutSeconds } = filled as { task?: unknown; timeoutSeconds?: number };
  if (typeof timeoutSeconds === "number" && timeoutSeconds > rules.maxTimeoutSeconds)
    problems.push({
      field: "timeoutSeconds",
      value: timeoutSeconds,
      message: `has to be <= ${rules.maxTimeoutSeconds}, the stack's maximum.`,
    });
  problems.push(...labelsTooLarge(filled as { labels?: unknown }));
  const task = rawTask === undefined ? undefined : parseTask(rawTask, rules, problems);
  if (problems.length > 0 || task === undefined) throw invalid(problems);
  return { tenant: DEFAULT_TENANT, timeoutSeconds: rules.timeoutSeconds, ...(filled as object), task } as Request;
}

/** Labels are part of every response and document. */
function labelsTooLarge({ labels }: { labels?: unknown }): Problem[] {
  if (labels === null || typeof labels !== "object") return [];
  // As jobs.bounded_labels counts: with what is escaped in a response.
  const bytes = Buffer.byteLength(JSON.stringify(labels).replace(/[\uFFFE\uFFFF]/g, "\\uffff"));
  if (bytes <= BOUNDS.labelsBytes - LABEL_SPACES) return [];
  const message = `must have at most ${BOUNDS.labelsBytes - LABEL_SPACES} bytes as JSON, and have ${bytes}. Send fewer or shorter labels.`;
  return [{ field: "labels", message }];
}
/** Spaces that Postgres writes into the JSON of 32 labels. */
const LABEL_SPACES = 64;

function parseTask(value: unknown, rules: RequestRules, problems: Problem[]): Task | undefined {
  const chosen = schemaFor(value);
  if (typeof chosen !== "object" || "message" in chosen) {
    problems.push(chosen as Problem);
    return undefined;
  }
  const task = fill(chosen, value) as Task;
  const found = problemsOf(chosen, task, "task");
  problems.push(...found);
  if ("query" in task) named("query", task.query, queryNamed, allQueries(), task.params, problems);
  else if ("statement" in task)
    named("statement", task.statement, statementNamed, allStatements(), task.params, problems);
  else if ("sql" in task && !rules.rawSql)
    problems.push({
      field: "task.sql",
      value: brief(task.sql),
      message: "is not allowed in this stack. Use a named query; GET /queries lists them.",
    });
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

function named(
  kind: "query" | "statement",
  name: unknown,
  find: (name: string) => NamedQuery | undefined,
  all: readonly NamedQuery[],
  params: unknown,
  problems: Problem[],
): void {
  if (typeof name !== "string" || name === "") return;
  const query = find(name);
  if (!query) {
    problems.push({
      field: `task.${kind}`,
      value: brief(name),
      message: `is not a ${kind} of this platform.${suggestion(
        name,
        all.map((one) => one.name),
      )}`,
    });
  } else if (params !== null && typeof params === "object" && !Array.isArray(params)) {
    problems.push(...checkParams(query, params as Record<string, unknown>));
  }
}

function allowedHost(address: string, hosts: readonly string[], problems: Problem[]): void {
  const url = URL.parse(address);
  if (!url) problems.push({ field: "task.source.url", value: brief(address), message: "is not a URL." });
  else if (url.username || url.password)
    problems.push({
      field: "task.source.url",
      value: brief(address),
      message: "must not hold a user name or password.",
    });
  else if (hosts.includes(url.hostname) && url.port !== "")
    problems.push({
      field: "task.source.url",
      value: brief(address),
      message: `names port ${url.port}. Leave it out: sources are read from 443 only.`,
    });
  else if (!hosts.includes(url.host))
    problems.push({
      field: "task.source.url",
      value: brief(address),
      message: `names a host that is not on this stack's list (${hosts.join(", ") || "which is empty"}). Ask the operator to add it to jobs.urlHosts, or upload the file and use s3.`,
    });
}

/** No request is nested deeper than 8 levels; whatever walks a value has to come back without running out of stack. */
const MOST_LEVELS = 64;
/** Problems that an answer lists: it has to fit into a message, however much is wrong. */
const MOST_NAMED = 100;

const isDeeper = (value: unknown, levels: number): boolean =>
  value !== null &&
  typeof value === "object" &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

/** Postgres stores neither NUL nor half a surrogate pair: text that holds one is refused at the door, wherever it stands. */
const isStorable = (value: unknown): boolean =>
  typeof value === "string"
    ? isText(value)
    : value === null ||
      typeof value !== "object" ||
      Object.entries(value).every(([name, inner]) => isText(name) && isStorable(inner));

function unstorable(value: unknown, path = ""): Problem[] {
  // One look without paths first: a large batch is nearly always sound.
  if (isStorable(value)) return [];
  if (value === null || typeof value !== "object") return [{ field: path, message: `holds ${UNSTORABLE}.` }];
  return Object.entries(value).flatMap(([name, inner]) =>
    isText(name)
      ? unstorable(inner, path ? `${path}.${name}` : name)
      : [{ field: path || "request", message: `has a field whose name holds ${UNSTORABLE}.` }],
  );
}
const UNSTORABLE = "a NUL character or half of a surrogate pair, which cannot be stored";

const invalid = (problems: Problem[]) =>
  new JobError("InvalidRequest", { count: problems.length }, { details: problems.slice(0, MOST_NAMED) });

/** Defaults filled in, on a copy. */
const fill = (schema: TSchema, value: unknown): unknown => Value.Default(schema, structuredClone(value));

const stringify = configure({ deterministic: true });
const sha256 = (...parts: string[]) => createHash("sha256").update(parts.join("\n")).digest("hex");

/** SHA-256 of the canonical task: defaults filled in, keys sorted. Equal hashes mean the same work. */
export const hashOf = (task: Task): string => sha256(stringify(task) ?? "");

/** The id that every copy of the response to this request carries. */
export const responseIdOf = (tenant: string, requestId: string, hash: string): string =>
  sha256(tenant, requestId, hash).slice(0, 32);
