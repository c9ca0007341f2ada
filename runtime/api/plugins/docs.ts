import swaggerUi from "@fastify/swagger-ui";
import type { RoutePlugin } from "../routes/plugin.ts";

/**
 * Content security policy: only files of this server. The library's own policy upgrades requests to https, which a
 * platform behind an internal balancer without a certificate does not serve, so that the page would be blank.
 */
const POLICY = {
  "default-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "img-src": ["'self'", "data:"],
  "object-src": "'none'",
};

/** GET /docs: interactive API documentation, generated from the schemas that validate requests. */
export const docsRoutes: RoutePlugin = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: POLICY,
    theme: { title: "Rates platform: HTTP API" },
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true, docExpansion: "list" },
  });
};
