import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

/** GET /docs: the API's description to browse and to try, made from the same schemas that requests are checked with. */
export async function docsRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: true,
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true, docExpansion: "list" },
  });
}
