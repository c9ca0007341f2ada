import type { FastifyInstance } from "fastify";
import { readBodyBytes } from "../../contract/body.ts";
import { JobError } from "../../contract/errors.ts";
import { invalidRequest } from "../../contract/problemList.ts";

/**
 * Accepts only JSON bodies. Refuses ambiguous ones (duplicate keys, rounded numbers) and those that would take long to
 * parse.
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    const { "content-type": type = "", "content-encoding": encoding = "identity" } = request.headers;
    if (encoding !== "identity") {
      const remedy = "Send the body uncompressed, without Content-Encoding.";
      return done(
        new JobError("UnsupportedMediaType", { type: `${type}, in ${encoding.slice(0, 100)}`, remedy }),
        undefined,
      );
    }
    // Clients may send a Content-Type without a body.
    if (bytes.length === 0) return done(null, undefined);
    try {
      const { value, problems } = readBodyBytes(bytes);
      if (problems.length > 0) throw invalidRequest(problems);
      done(null, value);
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}
