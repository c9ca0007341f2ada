import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

/** The files of the page, as they are: no build step stands between them and a browser. */
const FILES = {
  "/dashboard": ["index.html", "text/html; charset=utf-8"],
  "/dashboard/style.css": ["style.css", "text/css; charset=utf-8"],
  "/dashboard/app.js": ["app.js", "text/javascript; charset=utf-8"],
} as const;

/** Nothing but the page's own files runs or is fetched: text of a job that looks like markup stays text. */
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/** GET /dashboard: jobs as they go, for people. It shows nothing without a token. */
export function dashboardRoutes(app: FastifyInstance): void {
  for (const [path, [file, type]] of Object.entries(FILES)) {
    const content = readFileSync(new URL(file, import.meta.url));
    const etag = `"${createHash("sha256").update(content).digest("base64url")}"`;
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      reply.headers({
        etag,
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      });
      return request.headers["if-none-match"] === etag ? reply.code(304).send() : reply.type(type).send(content);
    });
  }
}
