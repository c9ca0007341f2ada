import type { FastifyInstance } from "fastify";
import { readBodyBytes } from "../../contract/body.ts";
import { JobError } from "../../contract/errors.ts";
import { invalid } from "../problem.ts";

/** Bodies are JSON, and nothing else is. One that says a thing twice, or is nested without end, is refused here. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    const { "content-type": type = "", "content-encoding": packed = "identity" } = request.headers;
    if (packed !== "identity")
      return done(new JobError("UnsupportedMediaType", { type: `${type}, in ${packed.slice(0, 100)}` }), undefined);
    // Clients name the type of what they do not send.
    if (bytes.length === 0) return done(null, undefined);
    try {
      const { value, problems } = readBodyBytes(bytes);
      if (problems.length > 0) throw invalid(problems);
      done(null, value);
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}
