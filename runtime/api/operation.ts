import type { FastifySchema, onRequestHookHandler } from "fastify";
import Type, { type TSchema } from "typebox";
import { ERRORS, type ErrorCode } from "../contract/errors.ts";
import type { Scope } from "../store/tokens.ts";
import type { Guard } from "./plugins/auth.ts";
import { PROBLEM_TYPE, ProblemBody, titleOf } from "./problem.ts";

/** The groups that operations are shown in. */
export const TAGS = {
  prices: "Average prices",
  jobs: "Work: submit it, watch it, fetch what it brings",
  uploads: "Files for updates",
  operations: "Figures, and what keeps the platform going",
  tokens: "Who may call",
  sessions: "Signing in",
} as const;

/** What an operation answers when it works. */
export interface Answer {
  description: string;
  /** Of a JSON body; none: it has no body. */
  schema?: TSchema;
  example?: unknown;
  /** Bodies of other types, in place of JSON. */
  content?: Record<string, TSchema>;
  headers?: Record<string, TSchema>;
}

/** An operation, as routes are made of it and /openapi.json shows it: one description for both. */
export interface Operation {
  id: string;
  tag: keyof typeof TAGS;
  summary: string;
  description?: string;
  /** What a token must have (`any`: nothing in particular); none: the operation is open. */
  scope?: Scope | "any" | undefined;
  /** Runs before the guard, for example a limit of an open operation. */
  onRequest?: onRequestHookHandler;
  /** Whether it answers however often it is asked. */
  unlimited?: boolean;
  params?: TSchema;
  querystring?: TSchema;
  body?: TSchema;
  answers: Record<number, Answer>;
  /** Errors of its own; those that come with parameters, a body or a token are added. */
  errors?: ErrorCode[];
}

/** Texts that stand for themselves: a component of the document, which every operation points to. */
export const PROBLEM_REF = { $ref: "#/components/schemas/Problem" };
export const components = { Problem: ProblemBody };

/** Options of a route: who may call it, and what is known of it. */
export function operation(
  guard: Guard | undefined,
  it: Operation,
): { onRequest: onRequestHookHandler[]; schema: FastifySchema } {
  const { id, tag, summary, description, scope, params, querystring, body, answers } = it;
  return {
    onRequest: [...(it.onRequest ? [it.onRequest] : []), ...(scope && guard ? [guard(scope)] : [])],
    schema: {
      operationId: id,
      tags: [tag],
      summary,
      // OpenAPI 3.1: the roles that are needed, of any type of scheme.
      security: scope ? [{ token: scope === "any" ? [] : [scope] }, { session: scope === "any" ? [] : [scope] }] : [],
      response: { ...mapValues(answers, answer), ...problems(errorsOf(it)) },
      ...(description ? { description } : {}),
      ...(params ? { params } : {}),
      ...(querystring ? { querystring } : {}),
      ...(body ? { body } : {}),
    } as FastifySchema,
  };
}

function errorsOf({ scope, unlimited = false, params, querystring, body, errors = [] }: Operation): ErrorCode[] {
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

const answer = ({ description, schema, example, content, headers }: Answer) => ({
  description,
  ...(headers ? { headers } : {}),
  ...(content
    ? { content: mapValues(content, (one) => ({ schema: one })) }
    : schema
      ? { content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } } }
      : { type: "null" }),
});

/** Errors by status, each code with an example. */
function problems(codes: readonly ErrorCode[]): Record<number, object> {
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

const RETRY = { "Retry-After": Type.String({ pattern: "^\\d+$", description: "seconds to wait" }) };
/** Headers that errors of a status bring. */
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { "WWW-Authenticate": Type.String() },
  416: { "Content-Range": Type.String({ description: "how many bytes there are" }) },
  429: RETRY,
  503: RETRY,
};

const mapValues = <T, R>(record: Record<string, T>, map: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
