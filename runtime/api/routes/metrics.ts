import type { FastifyInstance } from "fastify";
import { Gauge, Histogram, Registry } from "prom-client";
import Type from "typebox";
import { RUNNERS } from "../../contract/states.ts";
import type { ApiDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import type { Guard } from "../plugins/auth.ts";

/** Bounds of a request's seconds: /rates answers in a few milliseconds, a search in some tens. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** GET /metrics, as Prometheus reads it: this process's requests and connections, and the jobs of the whole platform. */
export function metricsRoute(app: FastifyInstance, { db, settings }: ApiDeps, guard: Guard): void {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const seconds = new Histogram({
    name: "rates_http_request_seconds",
    help: "time from a request's arrival to the end of its response",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS,
    registers,
  });
  app.addHook("onResponse", (request, reply, done) => {
    // Not the path: each job has one of its own.
    const route = request.routeOptions.url ?? "none";
    seconds.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
    done();
  });

  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const connections = gauge("rates_database_connections", "connections of this process by what they do", ["state"]);
  const jobs = gauge("rates_jobs", "jobs that have not ended", ["runner", "state"]);
  const runs = gauge("rates_runs", "runs that have not ended", ["runner"]);
  const slots = gauge("rates_slots", "runs that there may be at once", ["runner"]);
  for (const kind of RUNNERS) slots.labels(kind).set(settings.runners[kind].slots);

  app.get(
    "/metrics",
    operation(guard, {
      id: "getMetrics",
      tag: "operations",
      scope: "admin",
      summary: "Figures of this process and of the jobs, for Prometheus",
      answers: { 200: { description: "the figures", content: { "text/plain": Type.String() } } },
    }),
    async (_request, reply) => {
      const rooms = await Promise.all(
        RUNNERS.map(async (kind) => ({
          kind,
          room: (await db.query("select running, waiting, working from jobs.room($1)", [kind])).rows[0],
        })),
      );
      for (const { kind, room } of rooms) {
        runs.labels(kind).set(room.running);
        jobs.labels(kind, "waiting").set(room.waiting);
        jobs.labels(kind, "running").set(room.working);
      }
      connections.labels("idle").set(db.idleCount);
      connections.labels("busy").set(db.totalCount - db.idleCount);
      connections.labels("awaited").set(db.waitingCount);
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );
}
