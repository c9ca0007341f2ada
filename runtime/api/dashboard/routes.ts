import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JobError } from "../../jobs/errors.ts";
import { readSite, type Served } from "./files.ts";

/** GET /dashboard: jobs as they go, for people. It shows nothing without a token. */
export function dashboardRoutes(app: FastifyInstance): void {
  const { page, policy, files } = readSite();

  const send = (request: FastifyRequest, reply: FastifyReply, { content, gzipped, type, etag }: Served) => {
    reply.headers({
      etag,
      // Asked about each time, and answered in a few bytes: a page never runs with the modules of another version.
      "cache-control": "no-cache",
      vary: "accept-encoding",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    reply.type(type);
    const packed = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    return packed ? reply.header("content-encoding", "gzip").send(gzipped) : reply.send(content);
  };

  app.get("/dashboard", { schema: { hide: true } }, (request, reply) => send(request, reply, page));
  // Relative addresses would miss by a level below it.
  app.get("/dashboard/", { schema: { hide: true } }, (_request, reply) => reply.redirect("../dashboard", 308));
  app.get<{ Params: { "*": string } }>("/dashboard/*", { schema: { hide: true } }, (request, reply) => {
    const file = files.get(request.params["*"]);
    if (!file) throw new JobError("NotFound", { path: `GET ${request.url.split("?")[0]}` });
    return send(request, reply, file);
  });
}
