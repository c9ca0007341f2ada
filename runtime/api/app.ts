import Fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { TSchema } from "typebox";
import { invalidRequest } from "../contract/problemList.ts";
import { problemsOf, withDefaults } from "../contract/problems.ts";
import { createBoundedServer } from "./connections.ts";
import { dashboardRoutes } from "./dashboard/routes.ts";
import type { ApiDeps } from "./deps.ts";
import { createGuards } from "./plugins/auth.ts";
import { readBodies } from "./plugins/body.ts";
import { docsRoutes } from "./plugins/docs.ts";
import { createLimits } from "./plugins/limits.ts";
import { refuseUnrouted } from "./plugins/methods.ts";
import { describeApi } from "./plugins/openapi.ts";
import { measureRequests } from "./plugins/requestMetrics.ts";
import { handleErrors, invalidPath, onClientError, sendProblem } from "./problem.ts";
import { auditRoute } from "./routes/audit.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { catalogueRoute } from "./routes/catalogue.ts";
import { deadLettersRoute } from "./routes/deadLetters.ts";
import { eventRoute } from "./routes/events.ts";
import { explainRoute } from "./routes/explain.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { loginRoutes } from "./routes/login.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { placesRoute } from "./routes/places.ts";
import type { JobRouteOptions, JobRoutePlugin, RouteOptions, RoutePlugin } from "./routes/plugin.ts";
import { previewRoute } from "./routes/preview.ts";
import { ratesRoute } from "./routes/rates.ts";
import { redriveRoute } from "./routes/redrive.ts";
import { rejectedRoutes } from "./routes/rejected.ts";
import { responseRoute } from "./routes/response.ts";
import { resultRoutes } from "./routes/results.ts";
import { searchRoute } from "./routes/search.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { statsRoute } from "./routes/stats.ts";
import { timelineRoute } from "./routes/timeline.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { uploadPartsRoute } from "./routes/uploadParts.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { usageRoute } from "./routes/usage.ts";
import { waitingRoute } from "./routes/waiting.ts";
import { createSubmitter } from "./submitter.ts";

/** Maximum body size in bytes: that of an SQS message, so that HTTP and the queue accept the same requests. */
export const BODY_BYTES = 1024 * 1024;

/** Plugins whose routes every platform has, in the order of /openapi.json. */
const COMMON_ROUTES: readonly RoutePlugin[] = [
  healthRoutes,
  docsRoutes,
  metricsRoute,
  ratesRoute,
  catalogueRoute,
  placesRoute,
  tokenRoutes,
  auditRoute,
  usageRoute,
  sessionRoutes,
  loginRoutes,
];
/** Plugins whose routes need queues and buckets. */
const JOB_ROUTES: readonly JobRoutePlugin[] = [
  jobRoutes,
  bulkRoutes,
  explainRoute,
  previewRoute,
  timelineRoute,
  waitingRoute,
  searchRoute,
  rejectedRoutes,
  resultRoutes,
  responseRoute,
  eventRoute,
  uploadRoutes,
  uploadPartsRoute,
  statsRoute,
  redriveRoute,
  deadLettersRoute,
  dashboardRoutes,
];

/** Creates the HTTP API, ready to listen or to receive injected requests. */
export async function createApp(deps: ApiDeps): Promise<FastifyInstance> {
  const { logLevel, ...services } = deps;
  const { db, settings, cloud } = services;
  const app = Fastify({
    bodyLimit: BODY_BYTES,
    serverFactory: (handle) => createBoundedServer(handle, settings.api.limits.connections),
    trustProxy: (_address, hop) => hop < settings.api.trustedHops,
    clientErrorHandler: onClientError,
    forceCloseConnections: "idle",
    // While draining, requests on open connections are finished, then their connections are closed.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (_error, request, reply) => sendProblem(reply as FastifyReply, invalidPath(request)),
    logController: new LogController({ disableRequestLogging: true }),
    logger: { level: logLevel, redact: ["req.headers.authorization", "req.headers.cookie"] },
  });
  handleErrors(app);
  refuseUnrouted(app);
  readBodies(app);
  app.decorateRequest("caller", undefined);
  const registry = measureRequests(app);
  // All invalid parameters are reported at once, each with field, value and remedy, like the fields of a job request.
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => (data) => {
    if (httpPart === "body" && (data === undefined || data === null))
      return { error: invalidRequest([{ field: "request", message: "must be a JSON object." }]) };
    const filled = withDefaults(schema, data ?? {});
    // Query values arrive as text. Integers and booleans of a JSON body must have their JSON types.
    const value = httpPart === "querystring" ? parseQueryValues(schema, filled) : filled;
    const problems = problemsOf(schema, value);
    return problems.length > 0 ? { error: invalidRequest(problems) } : { value };
  });
  // Response schemas only document responses; serializing by them would drop or convert values.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await describeApi(app, settings);
  const limits = await createLimits(app, settings.api.limits);
  const guard = createGuards(db, limits, settings.api.signIn.platform);
  const options: RouteOptions = { ...services, guard, limits, registry };
  for (const routes of COMMON_ROUTES) await app.register(routes, options);
  if (cloud) {
    const jobOptions: JobRouteOptions = { ...options, cloud, submitter: createSubmitter({ ...services, cloud }) };
    for (const routes of JOB_ROUTES) await app.register(routes, jobOptions);
  }
  return app;
}

/**
 * Converts the integers and booleans of a query to their JSON types. Other values stay text, so that validation reports
 * them.
 */
function parseQueryValues(schema: TSchema, query: unknown): unknown {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  return Object.fromEntries(
    Object.entries(query as object).map(([name, value]) => {
      const pattern = PATTERNS[properties[name]?.type ?? ""];
      return [name, typeof value === "string" && pattern?.test(value) ? JSON.parse(value) : value];
    }),
  );
}
const PATTERNS: Record<string, RegExp> = { integer: /^-?(0|[1-9]\d{0,15})$/, boolean: /^(true|false)$/ };
