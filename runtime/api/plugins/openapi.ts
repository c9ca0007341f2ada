import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../../platform/settings.ts";
import { components, TAGS } from "../operation.ts";
import { withOptionalDefaults } from "../submission.ts";

/** Adds GET /openapi.json, generated from the schemas of the routes. Must be called before routes are registered. */
export async function describeApi(
  app: FastifyInstance,
  { version, api }: Pick<Settings, "version" | "api">,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Rates platform",
        version,
        description:
          "Average freight prices, and jobs for work that is too long or too large for a request. Errors are problem+json; `type` is a code of the error registry.",
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer" },
          // Behind TLS the name has the prefix __Host-.
          session: { type: "apiKey", in: "cookie", name: `rates_session_${api.signIn.platform}` },
        },
        schemas: components as never,
      },
    },
    transform: ({ schema, url }) => {
      // Fields with a default are optional in requests.
      const { body, querystring } = schema ?? {};
      const requestSchemas = {
        ...(body ? { body: withOptionalDefaults(body) } : {}),
        ...(querystring ? { querystring: withOptionalDefaults(querystring) } : {}),
      };
      return { schema: { ...schema, ...requestSchemas } as never, url };
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}
