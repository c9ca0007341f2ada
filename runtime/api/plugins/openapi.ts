import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../../platform/settings.ts";
import { components, TAGS } from "../operation.ts";
import { normalizeSubmission } from "../submission.ts";

/** GET /openapi.json: the API as its routes describe themselves. Has to be called before the routes are made. */
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
          "Average freight prices, and work that is too long or too large for a request. Errors are problem+json whose type is a code of one registry.",
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer" },
          // Behind TLS its name has the prefix __Host-.
          session: { type: "apiKey", in: "cookie", name: `rates_session_${api.signIn.platform}` },
        },
        schemas: components as never,
      },
    },
    transform: ({ schema, url }) => {
      // What has a default may be left out of what is sent.
      const { body, querystring } = schema ?? {};
      const sent = {
        ...(body ? { body: normalizeSubmission(body) } : {}),
        ...(querystring ? { querystring: normalizeSubmission(querystring) } : {}),
      };
      return { schema: { ...schema, ...sent } as never, url };
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}
