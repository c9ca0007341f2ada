import { createHash } from "node:crypto";
import { configure } from "safe-stable-stringify";
import Type, { type Static } from "typebox";
import { INPUT } from "./inputLimits.ts";

/** The contract's request (design section 3), as schemas: types, defaults, messages and OpenAPI all come from here. */

const Word = "letters, digits and . _ : - only, first a letter or digit, at most";
/** Pattern of a requestId. */
export const requestIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Pattern of a tenant name. */
export const tenantPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Rule of {@link requestIdPattern} in words, for error messages. */
export const REQUEST_ID_RULE = `${Word} 128 characters`;
/** Schema of a requestId. */
export const RequestId = Type.String({ pattern: requestIdPattern.source, description: REQUEST_ID_RULE });
/** Schema of a tenant name. */
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
/** Tables that a batch can update. */
export const TARGETS = ["prices", "ports", "regions"] as const;
/** A table that a batch can update. */
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
/** A read with SQL of its own; the stack must allow it (`jobs.rawSql`). */
export const SqlTask = Type.Object(
  {
    type: Type.Literal("read"),
    sql: Type.String({
      minLength: 1,
      maxLength: INPUT.sqlBytes,
      description: `one SELECT, of at most ${INPUT.sqlBytes} bytes in UTF-8`,
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
/** An update with inline items. */
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
/** An update from an object in S3; its version or ETag is pinned when the request is accepted. */
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

/** Schema of a task of any type. */
export const Task = Type.Union([QueryTask, SqlTask, InlineTask, S3Task, UrlTask, StatementTask]);
/** A task of any type, with its defaults filled in. */
export type Task = Static<typeof Task>;

/** Destination of the response: the response queue too, or only HTTP. */
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
/** Schema of a request with an unchecked task: the schema of the task depends on its type. */
export const Envelope = Type.Object(
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

/** Tenant of requests on the queue that name none. */
export const DEFAULT_TENANT = "default";

const stringify = configure({ deterministic: true });
const sha256 = (...parts: string[]) => createHash("sha256").update(parts.join("\n")).digest("hex");

/** SHA-256 of the canonical task: defaults filled in, keys sorted. Equal hashes mean the same work. */
export const hashOf = (task: Task): string => sha256(stringify(task) ?? "");

/**
 * The id that every copy of the response to this request carries.
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
