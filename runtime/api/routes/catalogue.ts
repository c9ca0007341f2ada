import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { allQueries, allStatements, describeQuery } from "../../queries/catalogue.ts";
import { operation } from "../operation.ts";
import type { Guard } from "../plugins/auth.ts";

const Description = Type.Object({
  kind: Type.Enum(["query", "statement"]),
  name: Type.String(),
  description: Type.String(),
  params: Type.Array(
    Type.Object({
      name: Type.String(),
      type: Type.String(),
      description: Type.String(),
      required: Type.Boolean(),
      default: Type.Unknown({ description: "what an absent parameter counts as" }),
    }),
  ),
  columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String(), description: Type.String() })),
});
const Catalogue = Type.Object({ queries: Type.Array(Description), statements: Type.Array(Description) });

/** GET /queries: what can be asked for by name. */
export function catalogueRoute(app: FastifyInstance, guard: Guard): void {
  app.get(
    "/queries",
    operation(guard, {
      id: "listQueries",
      tag: "jobs",
      scope: "read",
      summary: "The named queries and statements, with their parameters",
      answers: { 200: { description: "all of them", schema: Catalogue } },
    }),
    async () => ({
      queries: allQueries().map(describeQuery),
      statements: allStatements().map(describeQuery),
    }),
  );
}
