import Fastify from "fastify";
import pg from "pg";

/**
 * GET /rates as a Fastify route of a few lines: one query per request, no cache, no batches. It runs in its own process
 * and prints its port.
 *
 * node plainRoute.ts DATABASE-URL
 */
const [databaseUrl = ""] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: databaseUrl });
const app = Fastify();
app.get<{ Querystring: Record<"date_from" | "date_to" | "orig_code" | "dest_code", string> }>(
  "/rates",
  async ({ query: { date_from, date_to, orig_code, dest_code } }) => {
    const { rows } = await pool.query(
      `select days.day::date::text as day, nullif(count(price), 0)::integer as count,
         case when count(price) >= 3 then avg(price)::float8 end as price
       from generate_series($1::date, $2::date, '1 day') days(day)
       left join prices on prices.day = days.day::date and orig_code = $3 and dest_code = $4
       group by days.day order by days.day desc`,
      [date_from, date_to, orig_code, dest_code],
    );
    return { rates: rows };
  },
);
console.log(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
// The benchmark ends this process by closing its input.
process.stdin.once("close", () => process.exit(0)).resume();
