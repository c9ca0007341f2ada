import { Gauge } from "prom-client";
import Type from "typebox";
import { readStatus } from "../../monitoring/activity.ts";
import { exposition, platformFamilies } from "../../monitoring/prometheus.ts";
import { readTotals } from "../../monitoring/totals.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import { queueDepth } from "../queueDepth.ts";
import type { RoutePlugin } from "./plugin.ts";

/** Period of the peak memory, the only event metric that is a gauge instead of a counter or histogram. */
const PEAK_MEMORY_MINUTES = 1;

/** GET /metrics for Prometheus: requests and connections of this process, and metrics of the platform. */
export const metricsRoute: RoutePlugin = async (app, { db, settings, cloud, guard, registry }) => {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const connections = gauge("rates_database_connections", "connections of this process by state", ["state"]);
  const depth = cloud && queueDepth(cloud);
  const cached = memoizeBriefly();

  /** Reads the platform's metrics, cached so that frequent scrapes cause few queries. */
  const platformMetrics = () =>
    cached("platform", async () => {
      const [status, counted, requests, deadLetters] = await Promise.all([
        readStatus(db, PEAK_MEMORY_MINUTES),
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
      summary: "Metrics of this process and of the platform, for Prometheus",
      responses: { 200: { description: "the metrics", content: { "text/plain": Type.String() } } },
    }),
    async (_request, reply) => {
      connections.labels("idle").set(db.idleCount);
      connections.labels("busy").set(db.totalCount - db.idleCount);
      connections.labels("awaited").set(db.waitingCount);
      const metrics = await Promise.all([registry.metrics(), platformMetrics()]);
      return reply.type(registry.contentType).send(metrics.join(""));
    },
  );
};
