import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { components, TAGS } from "../operation.ts";
import { asSent } from "../submission.ts";

/** GET /openapi.json: the API as its routes describe themselves. Has to be called before the routes are made. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
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
        securitySchemes: { token: { type: "http", scheme: "bearer" } },
        schemas: components as never,
      },
    },
    transform: ({ schema, url }) => {
      // What has a default may be left out of what is sent.
      const { body, querystring } = schema ?? {};
      const sent = {
        ...(body ? { body: asSent(body) } : {}),
        ...(querystring ? { querystring: asSent(querystring) } : {}),
      };
      return { schema: { ...schema, ...sent } as never, url };
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}
