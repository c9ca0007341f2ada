import type { FastifyInstance } from "fastify";
import { RUNNERS } from "../jobs/states.ts";
import { callerOfRequest, type Guard } from "./auth.ts";
import type { JobDeps } from "./deps.ts";

/** GET /stats: the caller's jobs in figures (an admin: everybody's), and what runs against what may run. */
export function statsRoute(app: FastifyInstance, { db, settings, tracking }: JobDeps, guard: Guard): void {
  app.get(
    "/stats",
    {
      onRequest: guard("read"),
      schema: { summary: "Jobs by state and error, percentiles of their times, runs against capacity" },
    },
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      const [summary, { rows }] = await Promise.all([
        tracking.summarise(scopes.includes("admin") ? {} : { tenant }),
        db.query("select runner, count(*)::int as running from jobs.runs where state <> 'ENDED' group by runner"),
      ]);
      const capacity = Object.fromEntries(
        RUNNERS.map((kind) => [
          kind,
          { running: rows.find((row) => row.runner === kind)?.running ?? 0, slots: settings.runners[kind].slots },
        ]),
      );
      return { ...summary, capacity };
    },
  );
}
