import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { JobError } from "../../contract/errors.ts";
import { matchesEtag } from "../etag.ts";
import { readSite, type ServedFile } from "./files.ts";

const CACHING = {
  /** Revalidated on each use; the response is small if nothing has changed. */
  revalidated: "no-cache",
  /**
   * For the files of the current version. During a deployment, a page of another version gets the current files,
   * revalidated.
   */
  immutable: "public, max-age=31536000, immutable",
} as const;

/** GET /dashboard: the page and its files. The page shows data only after signing in. */
export const dashboardRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { page, policy, files, version } = readSite();

  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    { content, gzipped, type, etag }: ServedFile,
    caching: keyof typeof CACHING,
  ) => {
    reply.headers({
      etag,
      "cache-control": CACHING[caching],
      vary: "accept-encoding",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
    if (matchesEtag(request.headers["if-none-match"], etag)) return reply.code(304).send();
    reply.type(type);
    const acceptsGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    return acceptsGzip ? reply.header("content-encoding", "gzip").send(gzipped) : reply.send(content);
  };

  app.get("/", { schema: { hide: true } }, (_request, reply) => reply.redirect("dashboard", 302));
  app.get("/dashboard", { schema: { hide: true } }, (request, reply) => send(request, reply, page, "revalidated"));
  // At this path the page's relative URLs would resolve one level too deep.
  app.get("/dashboard/", { schema: { hide: true } }, (_request, reply) => reply.redirect(".", 308));
  app.get<{ Params: { "*": string } }>("/dashboard/*", { schema: { hide: true } }, (request, reply) => {
    const [, requestedVersion, path = ""] = /^([\w-]{16})\/(.*)$/.exec(request.params["*"]) ?? [];
    const file = files.get(path);
    if (!file) throw new JobError("NotFound", { path: `GET ${request.url.split("?")[0]}` });
    return send(request, reply, file, requestedVersion === version ? "immutable" : "revalidated");
  });
};
