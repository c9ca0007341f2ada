import Type, { type TSchema } from "typebox";
import { INPUT } from "../contract/inputLimits.ts";
import { InlineTask, QueryTask, Request, S3Task, SqlTask, StatementTask, UrlTask } from "../contract/request.ts";
import { allQueries, allStatements, type NamedQuery, type ParamType } from "../queries/catalogue.ts";
import { EXAMPLE_ID } from "./schemas.ts";

/** JSON schemas of parameter types. */
const PARAM_SCHEMAS: Record<ParamType, TSchema> = {
  text: Type.String(),
  place: Type.String({ maxLength: INPUT.place }),
  date: Type.String({ format: "date", pattern: "^(?!0000)" }),
  integer: Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  number: Type.Number(),
  boolean: Type.Boolean(),
  "text[]": Type.Array(Type.String()),
};

/** Creates the schema of a task for one named query or statement. */
function taskSchema(
  task: typeof QueryTask | typeof StatementTask,
  key: "query" | "statement",
  query: NamedQuery,
): TSchema {
  const params = query.params.map(({ name, type, description, required, default: value }) => {
    const schema = { ...PARAM_SCHEMAS[type], description };
    if (required) return [name, schema] as const;
    return [name, Type.Optional(Type.Union([schema, Type.Null()], { description, default: value }))] as const;
  });
  const required = query.params.some((param) => param.required);
  const Params = Type.Object(Object.fromEntries(params), {
    additionalProperties: false,
    ...(required ? {} : { default: {} }),
  });
  return Type.Object(
    { ...task.properties, [key]: Type.Literal(query.name), params: Params },
    { additionalProperties: false, title: query.name, description: query.description },
  );
}

/**
 * Creates the schema of a submission for /openapi.json: the contract's schema, with this platform's queries and
 * statements. Requests are validated against runtime/contract/request.ts, which describes problems better.
 */
export function submissionSchema({ rawSql }: { rawSql: boolean }): TSchema {
  const { requestId, tenant, ...rest } = Request.properties;
  const Task = Type.Union([
    ...allQueries().map((query) => taskSchema(QueryTask, "query", query)),
    ...(rawSql ? [SqlTask] : []),
    InlineTask,
    S3Task,
    UrlTask,
    ...allStatements().map((statement) => taskSchema(StatementTask, "statement", statement)),
  ]);
  return Type.Object(
    { requestId: Type.Optional(requestId), tenant: Type.Optional(tenant), ...rest, task: Task },
    { additionalProperties: false, examples: [EXAMPLE] },
  );
}

const EXAMPLE = {
  requestId: EXAMPLE_ID,
  task: {
    type: "read",
    query: "average_rates",
    params: { date_from: "2021-01-01", date_to: "2021-01-31", orig_code: "CNSHA", dest_code: "EETLL" },
  },
};

/** Makes fields with a default optional, as they are in requests; the platform fills in the defaults. */
export function withOptionalDefaults(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withOptionalDefaults);
  if (schema === null || typeof schema !== "object") return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withOptionalDefaults(value)]));
  const { required, properties } = copy as { required?: string[]; properties?: Record<string, { default?: unknown }> };
  if (Array.isArray(required) && properties)
    copy.required = required.filter((name) => properties[name]?.default === undefined);
  return copy;
}
