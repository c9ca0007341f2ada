import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JobError } from "../../contract/errors.ts";
import { pathForMessage, sendProblem } from "../problem.ts";

/**
 * Refuses requests that match no route, before their bodies are read: 405 with the path's methods, or 404. Must be
 * called before routes are registered.
 */
export function refuseUnrouted(app: FastifyInstance): void {
  const routes = new Map<string, { path: RegExp; methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const route = routes.get(url) ?? { path: pathPattern(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });

  const refuse = ({ method, url }: FastifyRequest, reply: FastifyReply) => {
    const [path = ""] = url.split("?");
    const allow = [...routes.values()].filter((route) => route.path.test(path)).flatMap(({ methods }) => [...methods]);
    // No route has the path, or its route found nothing, for example a file of /docs that does not exist.
    if (allow.length === 0 || allow.includes(method))
      return sendProblem(reply, new JobError("NotFound", { path: `${method} ${pathForMessage(path)}` }));
    const methods = [...new Set(allow)].sort().join(", ");
    return sendProblem(
      reply.header("allow", methods),
      new JobError("MethodNotAllowed", { path: pathForMessage(path), method, allow: methods }),
    );
  };
  app.addHook("onRequest", (request, reply, done) => {
    if (request.is404) refuse(request, reply);
    else done();
  });
  app.setNotFoundHandler(refuse);
}

/** Converts `/jobs/:id` to ^/jobs/[^/]+$. */
const pathPattern = (url: string) =>
  new RegExp(
    `^${url
      .split("/")
      .map((part) => (part === "*" ? ".*" : part.startsWith(":") ? "[^/]+" : part.replace(/[^\w-]/g, "\\$&")))
      .join("/")}$`,
  );
