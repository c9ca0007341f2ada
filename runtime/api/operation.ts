import type { FastifySchema, onRequestHookHandler } from "fastify";
import Type, { type TSchema } from "typebox";
import { ERRORS, type ErrorCode } from "../contract/errors.ts";
import type { Scope } from "../store/tokens.ts";
import type { Guard } from "./plugins/auth.ts";
import { PROBLEM_TYPE, ProblemBody, titleOf } from "./problem.ts";

/** Groups of operations in /openapi.json. */
export const TAGS = {
  prices: "Average prices",
  jobs: "Jobs: submit, watch, fetch results",
  uploads: "Files for updates",
  operations: "Metrics and operations",
  tokens: "Access tokens",
  sessions: "Signing in",
} as const;

/** Describes a successful response. */
export interface SuccessResponse {
  description: string;
  /** Schema of a JSON body; absent for responses without a body. */
  schema?: TSchema;
  example?: unknown;
  /** Bodies of other media types, instead of JSON. */
  content?: Record<string, TSchema>;
  headers?: Record<string, TSchema>;
}

/** Describes an operation, for its route and for /openapi.json. */
export interface Operation<
  Params extends TSchema | undefined = TSchema,
  Query extends TSchema | undefined = TSchema,
  Body extends TSchema | undefined = TSchema,
> {
  id: string;
  tag: keyof typeof TAGS;
  summary: string;
  description?: string;
  /** Scope that the token needs (`any`: a token with any scope); undefined for open operations. */
  scope?: Scope | "any" | undefined;
  /** Runs before the guard, for example a limit of an open operation. */
  onRequest?: onRequestHookHandler;
  /** True for operations without a rate limit. */
  unlimited?: boolean;
  params?: Params;
  querystring?: Query;
  body?: Body;
  responses: Record<number, SuccessResponse>;
  /** Errors specific to the operation; the common ones are added. */
  errors?: ErrorCode[];
}

/** Reference to the schema of errors, which all operations share. */
export const PROBLEM_REF = { $ref: "#/components/schemas/Problem" };
export const components = { Problem: ProblemBody };

/** Options of a route; its schemas define the types of `params`, `query` and `body`. */
interface OperationOptions<Params, Query, Body> {
  onRequest: onRequestHookHandler[];
  schema: FastifySchema & { params: Params; querystring: Query; body: Body; response: unknown };
}

/**
 * Creates the options of an operation's route.
 *
 * @param guard - Checks the caller's scope; undefined for open operations.
 * @param definition - Describes the operation.
 */
export function operation<
  Params extends TSchema | undefined = undefined,
  Query extends TSchema | undefined = undefined,
  Body extends TSchema | undefined = undefined,
>(guard: Guard | undefined, definition: Operation<Params, Query, Body>): OperationOptions<Params, Query, Body> {
  const { id, tag, summary, description, scope, onRequest, params, querystring, body, responses } = definition;
  return {
    onRequest: [...(onRequest ? [onRequest] : []), ...(scope && guard ? [guard(scope)] : [])],
    schema: {
      operationId: id,
      tags: [tag],
      summary,
      // OpenAPI 3.1 allows roles for every type of security scheme.
      security: scope ? [{ token: scope === "any" ? [] : [scope] }, { session: scope === "any" ? [] : [scope] }] : [],
      response: { ...mapValues(responses, responseSchema), ...errorResponses(errorsOf(definition)) },
      ...(description ? { description } : {}),
      ...(params ? { params } : {}),
      ...(querystring ? { querystring } : {}),
      ...(body ? { body } : {}),
    } as OperationOptions<Params, Query, Body>["schema"],
  };
}

/** Returns the errors of an operation: its own and the common ones. */
function errorsOf({
  scope,
  unlimited = false,
  params,
  querystring,
  body,
  errors = [],
}: Operation<TSchema | undefined, TSchema | undefined, TSchema | undefined>): ErrorCode[] {
  return [
    ...errors,
    ...(params || querystring || body ? (["InvalidRequest"] as const) : []),
    ...(body ? (["UnreadableMessage", "TooLarge", "UnsupportedMediaType"] as const) : []),
    ...(scope ? (["Unauthorized"] as const) : []),
    ...(scope && scope !== "any" ? (["Forbidden"] as const) : []),
    ...(unlimited ? [] : (["TooManyRequests"] as const)),
    "DatabaseUnavailable",
    "Internal",
  ];
}

const responseSchema = ({ description, schema, example, content, headers }: SuccessResponse) => ({
  description,
  ...(headers ? { headers } : {}),
  ...(content
    ? { content: mapValues(content, (type) => ({ schema: type })) }
    : schema
      ? { content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } } }
      : { type: "null" }),
});

/** Describes errors by HTTP status, each code with an example. */
function errorResponses(codes: readonly ErrorCode[]): Record<number, object> {
  const all: Record<number, { description: string; headers?: object; content: object }> = {};
  for (const [status, group] of Map.groupBy(new Set(codes), (code) => ERRORS[code].http)) {
    const headers = HEADERS[status];
    all[status] = {
      description: group.join(", "),
      ...(headers ? { headers } : {}),
      content: {
        [PROBLEM_TYPE]: {
          schema: PROBLEM_REF,
          examples: Object.fromEntries(
            group.map((code) => [
              code,
              { value: { type: code, title: titleOf(code), status, detail: ERRORS[code].message } },
            ]),
          ),
        },
      },
    };
  }
  return all;
}

const RETRY = { "Retry-After": Type.String({ pattern: "^\\d+$", description: "delay in seconds" }) };
/** Response headers by HTTP status of an error. */
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { "WWW-Authenticate": Type.String() },
  416: { "Content-Range": Type.String({ description: "size of the result" }) },
  429: RETRY,
  503: RETRY,
};

const mapValues = <T, R>(record: Record<string, T>, map: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
