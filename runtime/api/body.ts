import type { FastifyInstance } from "fastify";
import { JobError } from "../jobs/errors.ts";
import { readJsonBytes } from "../jobs/json.ts";
import { invalid } from "./problem.ts";

/** No body of ours is nested deeper than 8; what walks them must not run out of stack. */
const MOST_LEVELS = 64;

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
      const { value, problems } = readJsonBytes(bytes);
      if (isDeeper(value, MOST_LEVELS))
        problems.push({ field: "request", message: `is nested deeper than ${MOST_LEVELS} levels.` });
      if (problems.length > 0) throw invalid(problems);
      done(null, value);
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

/** Whether a parsed JSON value has more levels than that. */
const isDeeper = (value: unknown, levels: number): boolean =>
  value !== null &&
  typeof value === "object" &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));
