import type { FastifyInstance } from "fastify";
import { Histogram, Registry } from "prom-client";

/** Upper bounds of the buckets in seconds. /rates takes a few milliseconds, and a search tens of milliseconds. */
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
  // Cached, since finding a series by its labels takes longer than recording the duration.
  const series = new Map<string, ReturnType<typeof seconds.labels>>();
  app.addHook("onResponse", (request, reply, done) => {
    const { method } = request;
    const { statusCode } = reply;
    // The route pattern limits the number of series: paths contain ids.
    const route = request.routeOptions.url ?? "none";
    const key = `${statusCode} ${method} ${route}`;
    let observer = series.get(key);
    if (observer === undefined) {
      observer = seconds.labels(method, route, String(statusCode));
      series.set(key, observer);
    }
    observer.observe(reply.elapsedTime / 1000);
    done();
  });
  return registry;
}
