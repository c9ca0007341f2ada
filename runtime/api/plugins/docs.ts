import swaggerUi from "@fastify/swagger-ui";
import type { RoutePlugin } from "../routes/plugin.ts";

/**
 * What the page may load: what this server has, and nothing from elsewhere. The library's own policy has browsers ask for
 * its scripts by https, which a platform behind an internal balancer without a certificate does not speak: the page would
 * be blank.
 */
const POLICY = {
  "default-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "img-src": ["'self'", "data:"],
  "object-src": "'none'",
};

/** GET /docs: the API's description to browse and to try, made from the same schemas that requests are checked with. */
export const docsRoutes: RoutePlugin = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: POLICY,
    theme: { title: "Rates platform: HTTP API" },
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true, docExpansion: "list" },
  });
};
