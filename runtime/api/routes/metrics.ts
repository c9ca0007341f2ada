import type { FastifyInstance } from "fastify";
import { Gauge, Histogram, Registry } from "prom-client";
import Type from "typebox";
import { readStatus } from "../../monitoring/activity.ts";
import { exposition, platformFamilies } from "../../monitoring/prometheus.ts";
import { readTotals } from "../../monitoring/totals.ts";
import type { ApiDeps } from "../deps.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import type { Guard } from "../plugins/auth.ts";
import { queueDepth } from "../queueDepth.ts";

/** Bounds of a request's seconds: /rates answers in a few milliseconds, a search in some tens. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What happened in the last whole minute: memory of runs. */
const MINUTES = 1;

/** GET /metrics, as Prometheus reads it: this process's requests and connections, and the figures of the whole platform. */
export function metricsRoute(app: FastifyInstance, { db, settings, cloud }: ApiDeps, guard: Guard): void {
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
  const depth = cloud && queueDepth(cloud);
  const keep = memoizeBriefly();

  /** The platform as a whole; whoever scrapes several processes makes the database answer once each. */
  const platform = () =>
    keep("platform", async () => {
      const [status, counted, requests, deadLetters] = await Promise.all([
        readStatus(db, MINUTES),
        readTotals(db),
        cloud && depth?.(cloud.queues.requests),
        cloud && depth?.(cloud.queues.deadLetters),
      ]);
      const slots = { glue: settings.runners.glue.slots, ec2: settings.runners.ec2.slots };
      return exposition(platformFamilies({ status, ...counted, slots, requests, deadLetters }));
    });

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
      connections.labels("idle").set(db.idleCount);
      connections.labels("busy").set(db.totalCount - db.idleCount);
      connections.labels("awaited").set(db.waitingCount);
      const [own, whole] = await Promise.all([registry.metrics(), platform()]);
      return reply.type(registry.contentType).send(own + whole);
    },
  );
}
