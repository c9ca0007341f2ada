import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Registry } from "prom-client";
import type { JobServices, Services } from "../deps.ts";
import type { Guard } from "../plugins/auth.ts";
import type { Limits } from "../plugins/limits.ts";
import type { Submitter } from "../submitter.ts";

/** Options of the plugins that register routes. */
export interface RouteOptions extends Services {
  guard: Guard;
  limits: Limits;
  /** Metrics of this process. */
  registry: Registry;
}

/** Options of plugins whose routes need queues and buckets. */
export interface JobRouteOptions extends RouteOptions, JobServices {
  cloud: JobServices["cloud"];
  submitter: Submitter;
}

/** Plugin of routes; the types of `params`, `query` and `body` follow from their schemas. */
export type RoutePlugin = FastifyPluginAsyncTypebox<RouteOptions>;

/** Plugin of routes that need queues and buckets. */
export type JobRoutePlugin = FastifyPluginAsyncTypebox<JobRouteOptions>;
