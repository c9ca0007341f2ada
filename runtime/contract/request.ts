import { createHash } from "node:crypto";
import { configure } from "safe-stable-stringify";
import Type, { type Static } from "typebox";
import { INPUT } from "./inputLimits.ts";

/**
 * Schemas of the contract's request, from which types, defaults, messages, OpenAPI and the table of fields derive.
 * `description` documents a field; `rule` completes "must be …" in a message.
 */

const CHARACTERS = "letters, digits and . _ : - only, starting with a letter or digit, at most";
/** Pattern of a requestId. */
export const requestIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Pattern of a tenant name. */
export const tenantPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Rule of {@link requestIdPattern} in words, for error messages. */
export const REQUEST_ID_RULE = `${CHARACTERS} 128 characters`;
/** Schema of a requestId. */
export const RequestId = Type.String({
  pattern: requestIdPattern.source,
  rule: REQUEST_ID_RULE,
  description:
    "the caller's name for the request, unique within its tenant; `POST /jobs` generates one if it is missing",
});
const TENANT_DESCRIPTION = "tenant that owns the job; requests over HTTP use the token's tenant";
/** Schema of a tenant name. */
export const Tenant = Type.String({
  pattern: tenantPattern.source,
  rule: "letters, digits and . _ - only, starting with a letter or digit, at most 64 characters",
  description: TENANT_DESCRIPTION,
});
const Compression = Type.Enum(["none", "gzip"], {
  default: "none",
  description: "compression of the result or the file",
});
const taskType = { description: "`read` with a query or SQL, `update` with a batch or a statement" };
const Params = Type.Record(Type.String(), Type.Unknown(), {
  default: {},
  maxProperties: INPUT.params.count,
  propertyNames: { maxLength: INPUT.params.name },
  description: `parameters by name; those with a default may be left out; at most ${INPUT.params.count}, with names of at most ${INPUT.params.name} characters; a text has at most ${INPUT.params.text.toLocaleString("en")} characters, a list ${INPUT.params.items.toLocaleString("en")} items of at most ${INPUT.params.itemText} characters`,
});

const Item = Type.Record(Type.String(), Type.Unknown(), {
  maxProperties: INPUT.columns.count,
  propertyNames: { maxLength: INPUT.columns.name },
  description: `at most ${INPUT.columns.count} columns, with names of at most ${INPUT.columns.name} characters`,
});
/** Tables that a batch can update. */
export const TARGETS = ["prices", "ports", "regions"] as const;
/** A table that a batch can update. */
export type Target = (typeof TARGETS)[number];

const formatOptions = {
  default: "csv",
  description: "format of the result or the file; files cannot be `json`",
} as const;
const ResultFormat = Type.Enum(["csv", "ndjson", "json"], formatOptions);

/** A read with a named query of db/queries. */
export const QueryTask = Type.Object(
  {
    type: Type.Literal("read", taskType),
    query: Type.String({
      minLength: 1,
      maxLength: INPUT.name,
      description: "a named query; `rates queries` lists them with their parameters",
    }),
    params: Params,
    format: ResultFormat,
    compression: Compression,
  },
  { additionalProperties: false },
);
/** A read with raw SQL; the stack must allow it (`jobs.rawSql`). */
export const SqlTask = Type.Object(
  {
    type: Type.Literal("read", taskType),
    sql: Type.String({
      minLength: 1,
      maxLength: INPUT.sqlBytes,
      rule: `text, at most ${INPUT.sqlBytes.toLocaleString("en")} bytes in UTF-8`,
      description: "one SELECT statement, if the stack allows raw SQL (`jobs.rawSql`)",
    }),
    format: ResultFormat,
    compression: Compression,
  },
  { additionalProperties: false },
);

const updateFields = {
  type: Type.Literal("update", taskType),
  target: Type.Enum([...TARGETS], { description: "table that the batch updates; its columns are listed below" }),
  mode: Type.Enum(["append", "replace"], {
    default: "append",
    description:
      "`append` adds rows; `replace` first deletes the prices of each origin, destination and day that is in the batch",
  }),
};
const DryRun = Type.Boolean({ default: false, description: "checks the whole batch and changes nothing" });
/** An update with inline items. */
export const InlineTask = Type.Object(
  {
    ...updateFields,
    source: Type.Object(
      {
        inline: Type.Array(Item, {
          minItems: 1,
          maxItems: INPUT.items,
          description: "the rows; the whole request must fit into a message of 1 MiB",
        }),
      },
      { additionalProperties: false },
    ),
    dryRun: DryRun,
  },
  { additionalProperties: false },
);
const fileFields = {
  format: Type.Enum(["csv", "ndjson"], formatOptions),
  compression: Compression,
  dryRun: DryRun,
};
/** An update from an object in S3; its version or ETag is pinned when the request is accepted. */
export const S3Task = Type.Object(
  {
    ...updateFields,
    source: Type.Object(
      {
        s3: Type.String({
          pattern: "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$",
          maxLength: INPUT.s3,
          rule: "of the form s3://bucket/key",
          description: "a file in the uploads bucket that the tenant may load; the version at acceptance is loaded",
        }),
      },
      { additionalProperties: false },
    ),
    ...fileFields,
  },
  { additionalProperties: false },
);
/** An update from a file at an https URL. */
export const UrlTask = Type.Object(
  {
    ...updateFields,
    source: Type.Object(
      {
        url: Type.String({
          pattern: "^https://[^\\s/]+",
          maxLength: INPUT.url,
          rule: "a URL that begins with https://",
          description: "a file on a host that the stack allows (`jobs.urlHosts`)",
        }),
      },
      { additionalProperties: false },
    ),
    ...fileFields,
  },
  { additionalProperties: false },
);
/** An update with a named statement of db/statements. */
export const StatementTask = Type.Object(
  {
    type: Type.Literal("update", taskType),
    statement: Type.String({ minLength: 1, maxLength: INPUT.name, description: "a named statement" }),
    params: Params,
  },
  { additionalProperties: false },
);

/** Schema of a task of any type. */
export const Task = Type.Union([QueryTask, SqlTask, InlineTask, S3Task, UrlTask, StatementTask]);
/** A task of any type, with its defaults filled in. */
export type Task = Static<typeof Task>;

/** Destination of the response: queue and HTTP, or only HTTP. */
export const Reply = Type.Enum(["queue", "none"], {
  description:
    "`queue` sends the response to the response queue; `none` leaves it to be read over HTTP; default: `queue` for requests from the queue, `none` over HTTP",
});
export type Reply = Static<typeof Reply>;

const TimeoutSeconds = Type.Optional(
  Type.Integer({
    minimum: 1,
    description: "maximum run time; default: the stack's `jobs.timeoutSeconds`, at most its `jobs.maxTimeoutSeconds`",
  }),
);
const envelope = {
  requestId: RequestId,
  reply: Type.Optional(Reply),
  priority: Type.Integer({
    minimum: 0,
    maximum: 9,
    default: 4,
    description: "higher runs first; a waiting job gains one point per minute",
  }),
  tenant: Type.Union([Tenant], { default: "default", description: TENANT_DESCRIPTION }),
  labels: Type.Record(Type.String(), Type.String({ maxLength: INPUT.labels.value }), {
    default: {},
    maxProperties: INPUT.labels.count,
    propertyNames: { maxLength: INPUT.labels.name },
    description: `at most ${INPUT.labels.count}, with names of at most ${INPUT.labels.name} and values of at most ${INPUT.labels.value} characters; \`GET /jobs?label=team=pricing\` filters by label`,
  }),
};
/** Schema of a request with an unchecked task: the schema of the task depends on its type. */
export const Envelope = Type.Object(
  {
    ...envelope,
    tenant: Type.Optional(Tenant),
    task: Type.Unknown(),
    timeoutSeconds: TimeoutSeconds,
  },
  { additionalProperties: false },
);

/** Schema of a whole request. */
export const Request = Type.Object(
  { ...envelope, task: Task, timeoutSeconds: TimeoutSeconds },
  { additionalProperties: false },
);
export type Request = {
  requestId: string;
  tenant: string;
  /**
   * Destination of the response.
   *
   * @default `queue` for requests from the queue, `none` over HTTP
   */
  reply?: Reply;
  priority: number;
  labels: Record<string, string>;
  task: Task;
  timeoutSeconds: number;
};

/** Tenant of queue requests that name no tenant. */
export const DEFAULT_TENANT = "default";

const stringify = configure({ deterministic: true });
const sha256 = (...parts: string[]) => createHash("sha256").update(parts.join("\n")).digest("hex");

/**
 * Returns the SHA-256 of a task with its keys sorted. Equal hashes of tasks in canonical form (runtime/requests/parse.ts)
 * mean the same work.
 */
export const hashOf = (task: Task): string => sha256(stringify(task) ?? "");

/**
 * Returns the id that all copies of a request's response have.
 *
 * @example
 * ```ts
 * import { hashOf, responseIdOf, type Task } from "./request.ts";
 *
 * const task: Task = { type: "update", statement: "purge_prices", params: { before: "2020-01-01" } };
 * const responseId = responseIdOf("acme", "purge-1", hashOf(task));
 * console.log(responseId.length); // 32
 * ```
 */
export const responseIdOf = (tenant: string, requestId: string, hash: string): string =>
  sha256(tenant, requestId, hash).slice(0, 32);
