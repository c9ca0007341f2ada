import Type, { type Static } from "typebox";
import { allQueries, allStatements, describeQuery } from "../../queries/catalogue.ts";
import { RELATIONS } from "../../queries/sql/allowList.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import type { RoutePlugin } from "./plugin.ts";

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
      default: Type.Unknown({ description: "value used if the parameter is absent" }),
    }),
  ),
  ranges: Type.Array(Type.Object({ from: Type.String(), to: Type.String() }), {
    description: "parameters that form a range: from must not be after to",
  }),
  columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String(), description: Type.String() })),
});
const Table = Type.Object({
  name: Type.String(),
  columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
});
const Catalogue = Type.Object({
  queries: Type.Array(Description),
  statements: Type.Array(Description),
  rawSql: Type.Boolean({ description: "whether reads may contain SQL (jobs.rawSql)" }),
  tables: Type.Array(Table, { description: "tables that SQL can read; empty if rawSql is false" }),
});
/** Lifetime of the cached table list, which changes only with deployments. */
const TABLES_MS = 60_000;

/** GET /queries: named queries and statements, and the tables that SQL can read. */
export const catalogueRoute: RoutePlugin = async (app, { db, settings, guard }) => {
  const cached = memoizeBriefly(TABLES_MS);
  const readTables = async (): Promise<Static<typeof Table>[]> => {
    const { rows } = await db.query(
      `select c.relname as name, json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum) as columns
       from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'public'::regnamespace and c.relname = any ($1) and a.attnum > 0 and not a.attisdropped
       group by c.relname order by array_position($1, c.relname::text)`,
      [[...(RELATIONS.get("public")?.keys() ?? [])]],
    );
    return rows;
  };

  app.get(
    "/queries",
    operation(guard, {
      id: "listQueries",
      tag: "jobs",
      scope: "read",
      summary: "Named queries and statements with their parameters, and the tables that SQL can read",
      responses: { 200: { description: "the catalog", schema: Catalogue } },
    }),
    async () => ({
      queries: allQueries().map(describeQuery),
      statements: allStatements().map(describeQuery),
      rawSql: settings.jobs.rawSql,
      tables: settings.jobs.rawSql ? await cached("tables", readTables) : [],
    }),
  );
};
