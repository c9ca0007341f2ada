import type { FastifyInstance } from "fastify";
import { Histogram, Registry } from "prom-client";

/** Upper bounds of the histogram's buckets. /rates takes a few milliseconds, a search tens of milliseconds. Seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Measures the duration of each request. Must be called before routes are registered, since plugins inherit hooks.
 *
 * @returns The registry with the histogram, for GET /metrics.
 */
export function measureRequests(app: FastifyInstance): Registry {
  const registry = new Registry();
  const seconds = new Histogram({
    name: "rates_http_request_seconds",
    help: "time from a request's arrival to the end of its response",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS,
    registers: [registry],
  });
  // Finding a series by its labels takes longer than the observation.
  const series = new Map<string, ReturnType<typeof seconds.labels>>();
  app.addHook("onResponse", (request, reply, done) => {
    const { method } = request;
    const { statusCode } = reply;
    // Route pattern, since the path can have a job's id.
    const route = request.routeOptions.url ?? "none";
    const key = `${statusCode} ${method} ${route}`;
    let one = series.get(key);
    if (one === undefined) {
      one = seconds.labels(method, route, String(statusCode));
      series.set(key, one);
    }
    one.observe(reply.elapsedTime / 1000);
    done();
  });
  return registry;
}
