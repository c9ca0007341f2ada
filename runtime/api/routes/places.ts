import Type from "typebox";
import { operation } from "../operation.ts";
import { NO_NUL } from "../schemas.ts";
import type { RoutePlugin } from "./plugin.ts";

const Query = Type.Object(
  {
    text: Type.String({
      maxLength: 100,
      default: "",
      ...NO_NUL,
      description: "part of a code, slug or name, case-insensitive; default: the ports with the most prices as origin",
    }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  },
  { additionalProperties: false },
);
const Places = Type.Object({
  places: Type.Array(
    Type.Object({
      code: Type.String({ description: "code for /rates and named queries: a port's code or a region's slug" }),
      name: Type.String(),
      kind: Type.Enum(["port", "region"]),
    }),
  ),
});

/** Ports with the most prices as origin, from Postgres's column statistics, since counting the prices would take too long. */
const MOST_USED = `(
  select most_common_vals::text::text[] from pg_catalog.pg_stats
  where schemaname = 'public' and tablename = 'prices' and attname = 'orig_code')`;

/** GET /places: ports and regions by part of their code or name. */
export const placesRoute: RoutePlugin = async (app, { db, guard }) => {
  app.get(
    "/places",
    operation(guard, {
      id: "findPlaces",
      tag: "prices",
      scope: "read",
      summary: "Find ports and regions by part of their code or name",
      querystring: Query,
      responses: { 200: { description: "places; codes that begin with the text come first", schema: Places } },
    }),
    async ({ query: { text, limit } }) => {
      const { rows } = await db.query(
        `select code, name, kind from (
           select code, name, 'port' as kind from public.ports union all select slug, name, 'region' from public.regions) places
         where strpos(lower(code), lower($1)) > 0 or strpos(lower(name), lower($1)) > 0
         order by lower(code) = lower($1) desc, starts_with(lower(code), lower($1)) desc, starts_with(lower(name), lower($1)) desc,
           case when $1 = '' then array_position(${MOST_USED}, code) end, code
         limit $2`,
        [text, limit],
      );
      return { places: rows };
    },
  );
};
