import type { FastifyInstance } from "fastify";
import { JobError } from "../../contract/errors.ts";
import { shapeProblem, textShapeProblem } from "../../contract/inspect.ts";
import { readJsonBytes } from "../../contract/json.ts";
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
      const early = textShapeProblem(bytes.toString("latin1"));
      if (early !== undefined) throw invalid([{ field: "request", message: early }]);
      const { value, problems } = readJsonBytes(bytes);
      const shape = shapeProblem(value);
      if (shape !== undefined) problems.add(() => ({ field: "request", message: shape }));
      if (problems.length > 0) throw invalid(problems);
      done(null, value);
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}
