import { readFileSync } from "node:fs";
import swaggerUi from "@fastify/swagger-ui";
import type { RoutePlugin } from "../routes/plugin.ts";

/**
 * Content security policy: only files of this server. The library's own policy upgrades requests to https. Behind an
 * internal load balancer without a certificate, the page would then be blank.
 */
const POLICY = {
  "default-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "img-src": ["'self'", "data:"],
  // The style element that Swagger UI inserts.
  "style-src": ["'self'", "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"],
  "object-src": "'none'",
};

const ICON = readFileSync(new URL("../dashboard/client/icon.svg", import.meta.url));

/** Hides the field for the URL of another API description. */
const STYLE = ".swagger-ui .topbar .download-url-wrapper { display: none; }";

/** Links the logo to the dashboard, under the same path prefix as this page. */
const SCRIPT = `new MutationObserver((_, observer) => {
  const link = document.querySelector(".topbar a.link");
  if (!link) return;
  observer.disconnect();
  link.href = location.pathname.split("/docs")[0] + "/dashboard";
  link.setAttribute("aria-label", "Dashboard");
}).observe(document.body, { childList: true, subtree: true });
`;

/** GET /docs: interactive API documentation, generated from the schemas that validate requests. */
export const docsRoutes: RoutePlugin = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: POLICY,
    logo: { type: "image/svg+xml", content: ICON },
    theme: {
      title: "Rates platform: HTTP API",
      css: [{ filename: "rates.css", content: STYLE }],
      js: [{ filename: "rates.js", content: SCRIPT }],
      favicon: [{ filename: "icon.svg", rel: "icon", sizes: "any", type: "image/svg+xml", content: ICON }],
    },
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true, docExpansion: "list" },
  });
};
