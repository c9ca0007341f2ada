import type { FastifyInstance, FastifyReply } from "fastify";
import Type from "typebox";
import { classify } from "../jobs/classify.ts";
import { ERRORS, type ErrorCode, JobError, type Problem } from "../jobs/errors.ts";

/** An error as RFC 9457 has it; `type` is a code of the registry, `problems` its single faults. */
export const ProblemBody = Type.Object({
  type: Type.String({ description: "a code of the error registry" }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  problems: Type.Optional(Type.Array(Type.Unknown())),
});

export function sendProblem(reply: FastifyReply, error: JobError): FastifyReply {
  const status = ERRORS[error.code].http;
  if (status === 401) reply.header("www-authenticate", 'Bearer realm="rates"');
  if (status === 503) reply.header("retry-after", "5");
  return reply
    .code(status)
    .type("application/problem+json")
    .send(
      JSON.stringify({
        type: error.code,
        title: words(error.code),
        status,
        detail: error.message,
        ...(error.details.length > 0 ? { problems: error.details } : {}),
      }),
    );
}

/** "UnknownJob" → "Unknown job" */
const words = (code: ErrorCode) => code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A parameter or body that cannot be used, in the words of the contract. */
export const invalid = (problems: Problem[]) =>
  new JobError("InvalidRequest", { count: problems.length }, { details: problems });

/** Every error leaves as a problem; what is ours or the database's fault is logged with its cause and shown without it. */
export function handleErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new JobError("NotFound", { path: `${request.method} ${request.url.split("?")[0]}` })),
  );
  app.setErrorHandler((thrown: Error & { statusCode?: number; code?: string }, request, reply) => {
    if (thrown instanceof JobError) {
      if (ERRORS[thrown.code].http >= 500) request.log.warn({ err: thrown }, "request failed");
      return sendProblem(reply, thrown);
    }
    // Fastify's own: a body that is no JSON, too large, of another type.
    if (thrown.statusCode !== undefined && thrown.statusCode < 500)
      return sendProblem(
        reply,
        thrown.statusCode === 413
          ? new JobError("TooLarge", { limit: String(app.initialConfig.bodyLimit) })
          : new JobError("UnreadableMessage", { reason: thrown.message }),
      );
    request.log.error({ err: thrown }, "request failed");
    const { code } = classify(thrown);
    return sendProblem(
      reply,
      code === "DatabaseUnavailable"
        ? new JobError(code, { reason: "try again in a moment." })
        : new JobError("Internal", { reason: "the log has more." }),
    );
  });
}
