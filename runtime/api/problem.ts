import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { cutText } from "../contract/bounds.ts";
import { classify } from "../contract/classify.ts";
import { ERRORS, type ErrorCode, JobError } from "../contract/errors.ts";
import { invalidRequest, redactAndTruncate } from "../contract/problemList.ts";
import { redactText } from "../contract/redact.ts";

/** An error response (RFC 9457). `type` is a code of the error registry, `problems` lists each problem. */
export const ProblemBody = Type.Object({
  type: Type.String({ description: "code of the error registry" }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  problems: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String({ description: "path of the field, for example task.params.day" }),
        value: Type.Optional(Type.Unknown({ description: "the invalid value" })),
        message: Type.String({ description: "reason and remedy" }),
      }),
    ),
  ),
  furtherProblems: Type.Optional(Type.Integer({ description: "number of further problems" })),
});

export const PROBLEM_TYPE = "application/problem+json";
/** Retry-After of 503 and of 429, unless the handler has set another. */
export const RETRY_AFTER_SECONDS = "5";

/** Formats the body of an error response. */
export function problemJson(error: JobError): string {
  const { type, message, details } = error.body();
  const last = details.at(-1) as { more?: number } | undefined;
  const problems = last?.more === undefined ? details : details.slice(0, -1);
  return JSON.stringify({
    type,
    title: titleOf(type),
    status: ERRORS[type].http,
    detail: message,
    ...(problems.length > 0 ? { problems } : {}),
    ...(last?.more === undefined ? {} : { furtherProblems: last.more }),
  });
}

export function sendProblem(reply: FastifyReply, error: JobError): FastifyReply {
  const status = ERRORS[error.code].http;
  if (status === 401) reply.header("www-authenticate", 'Bearer realm="rates"');
  if ((status === 503 || status === 429) && !reply.hasHeader("retry-after"))
    reply.header("retry-after", RETRY_AFTER_SECONDS);
  // Removes headers that the handler set for a successful response.
  for (const name of ["etag", "content-encoding", "content-disposition"]) reply.removeHeader(name);
  return reply.code(status).header("cache-control", "no-store").type(PROBLEM_TYPE).send(problemJson(error));
}

/** "UnknownJob" → "Unknown job" */
export const titleOf = (code: ErrorCode): string =>
  code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Sends every error as a problem. Internal and database errors are logged with their cause, and sent without it. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((thrown: Error & { statusCode?: number; code?: string }, request, reply) => {
    if (thrown instanceof JobError) {
      if (ERRORS[thrown.code].http >= 500) request.log.warn({ err: thrown }, "request failed");
      return sendProblem(reply, thrown);
    }
    if (thrown.statusCode !== undefined && thrown.statusCode < 500)
      return sendProblem(reply, fromFastifyError(thrown, request, app.initialConfig.bodyLimit));
    request.log.error({ err: thrown }, "request failed");
    if (thrown.code === QUERY_CANCELED)
      return sendProblem(reply, new JobError("DatabaseUnavailable", { reason: "the request took too long." }));
    const { code } = classify(thrown);
    if (ERRORS[code].category !== "System")
      return sendProblem(reply, new JobError("Internal", { reason: "see the log of the API." }));
    // Other system errors, for example a deadlock, are reported to the caller as an unavailable database.
    const reported = code === "StorageUnavailable" ? code : "DatabaseUnavailable";
    return sendProblem(reply, new JobError(reported, { reason: "try again in a moment." }));
  });
}

/** SQLSTATE of a statement that statement_timeout ended. */
const QUERY_CANCELED = "57014";

/**
 * Converts Fastify's errors: wrong media type, body too large or not of the stated length, file outside its root.
 */
function fromFastifyError(
  thrown: Error & { statusCode?: number },
  { method, url, headers: { "content-type": type }, server }: FastifyRequest,
  limit = 0,
): JobError {
  switch (thrown.statusCode) {
    case 403:
    case 404:
      return new JobError("NotFound", { path: `${method} ${pathForMessage(url)}` });
    case 413:
      return new JobError("TooLarge", { limit });
    case 415:
      return new JobError("UnsupportedMediaType", {
        type: (type ?? "none").slice(0, 100),
        // `server` has the parsers of the request's route.
        remedy: server.hasContentTypeParser("application/octet-stream")
          ? "Send the bytes with `Content-Type: application/octet-stream`."
          : "Send JSON with `Content-Type: application/json`.",
      });
    default:
      return new JobError("UnreadableMessage", { reason: cutText(redactText(thrown.message), 200) });
  }
}

/** Returns a request's path, truncated for an error message. */
export const pathForMessage = (url: string): string => cutText(redactText(url.split("?", 1)[0] ?? ""), 200);

/** Creates the error for a path that is not a valid URL, or has a segment longer than any id; no route matches it. */
export const invalidPath = ({ url }: FastifyRequest): JobError => {
  const [path = ""] = url.split("?");
  const message = "is not a valid path: % must introduce encoded UTF-8, and an id has at most 128 characters.";
  return invalidRequest([{ field: "path", value: redactAndTruncate(path), message }]);
};

/** Maximum size of the request line and headers. */
export const HEADER_BYTES = 16_384;

/** Responds to a connection whose request is not valid HTTP, and closes it. */
export function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (socket.writable) {
    const problem =
      error.code === "HPE_HEADER_OVERFLOW"
        ? new JobError("HeadersTooLarge", { limit: HEADER_BYTES })
        : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? new JobError("SlowRequest", { reason: "its headers or body took too long" })
          : new JobError("MalformedHttp", { reason: (error as { reason?: string }).reason ?? error.message });
    const { http } = ERRORS[problem.code];
    const body = problemJson(problem);
    socket.write(
      `HTTP/1.1 ${http} ${STATUS_CODES[http]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}
