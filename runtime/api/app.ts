import Fastify, { type FastifyInstance, type FastifyReply, LogController, type onRequestHookHandler } from "fastify";
import type { TSchema } from "typebox";
import { problemsOf, withDefaults } from "../contract/problems.ts";
import { createGuards } from "./auth.ts";
import { readBodies } from "./body.ts";
import { catalogueRoute } from "./catalogue.ts";
import { createBoundedServer } from "./connections.ts";
import { dashboardRoutes } from "./dashboard/routes.ts";
import type { ApiDeps, JobDeps } from "./deps.ts";
import { docsRoutes } from "./docs.ts";
import { eventRoute } from "./events.ts";
import { explainRoute } from "./explain.ts";
import { healthRoutes } from "./health.ts";
import { jobRoutes } from "./jobs.ts";
import { createLimits } from "./limits.ts";
import { answerUnrouted } from "./methods.ts";
import { metricsRoute } from "./metrics.ts";
import { describeApi } from "./openapi.ts";
import { previewRoute } from "./preview.ts";
import { handleErrors, invalid, invalidPath, onClientError, sendProblem } from "./problem.ts";
import { ratesRoute } from "./rates.ts";
import { RatesReader } from "./ratesReader.ts";
import { redriveRoute } from "./redrive.ts";
import { rejectedRoute } from "./rejected.ts";
import { responseRoute } from "./response.ts";
import { resultRoutes } from "./results.ts";
import { searchRoute } from "./search.ts";
import { statsRoute } from "./stats.ts";
import { timelineRoute } from "./timeline.ts";
import { tokenRoutes } from "./tokens.ts";
import { uploadRoutes } from "./uploads.ts";

/** A request by HTTP holds what one by the queue may hold: SQS takes 1 MiB. */
export const BODY_BYTES = 1024 * 1024;
/** Statements of /rates at once: a third one costs 15 % of the database's work a request, in smaller batches, for nothing. */
const RATES_STATEMENTS = 2;

/** The HTTP API, ready to listen or to be injected into. */
export async function createApp(deps: ApiDeps): Promise<FastifyInstance> {
  const { db, settings, cloud } = deps;
  const app = Fastify({
    bodyLimit: BODY_BYTES,
    serverFactory: (handle) => createBoundedServer(handle, settings.api.limits.connections),
    trustProxy: (_address, hop) => hop < settings.api.trustedHops,
    clientErrorHandler: onClientError,
    forceCloseConnections: "idle",
    // While it drains, what still comes over open connections is answered, and the connection closed behind it.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (_error, request, reply) => sendProblem(reply as FastifyReply, invalidPath(request)),
    logController: new LogController({ disableRequestLogging: true }),
    logger: { level: deps.logLevel, redact: ["req.headers.authorization"] },
  });
  handleErrors(app);
  answerUnrouted(app);
  readBodies(app);
  app.decorateRequest("caller", undefined);
  // The same words for a bad parameter as for a bad request: each with its field, value and remedy, all at once.
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => (data) => {
    if (httpPart === "body" && (data === undefined || data === null))
      return { error: invalid([{ field: "request", message: "has to be a JSON object." }]) };
    const filled = withDefaults(schema, data ?? {});
    // A path and a query are text whatever is meant; in JSON a number is a number.
    const value = httpPart === "querystring" ? fromText(schema, filled) : filled;
    const problems = problemsOf(schema, value);
    return problems.length > 0 ? { error: invalid(problems) } : { value };
  });
  // What is sent is what was made: the schemas describe it, they do not change it.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await describeApi(app, settings.version);
  healthRoutes(app, deps);
  const limits = await createLimits(app, settings.api.limits);
  const guard = createGuards(db, limits);
  const { rates } = limits;
  const open: onRequestHookHandler[] = rates ? [(request, reply) => rates(request, reply)] : [];
  await docsRoutes(app);
  metricsRoute(app, deps, guard);
  ratesRoute(
    app,
    new RatesReader(db, Math.min(RATES_STATEMENTS, settings.api.poolMax)),
    settings.api.ratesDays,
    settings.api.openRates ? open : [guard("read", rates)],
    settings.api.openRates,
  );
  catalogueRoute(app, guard);
  tokenRoutes(app, deps, guard);
  if (cloud) {
    const jobs: JobDeps = { ...deps, cloud };
    jobRoutes(app, jobs, guard);
    explainRoute(app, jobs, guard);
    previewRoute(app, jobs, guard);
    timelineRoute(app, jobs, guard);
    searchRoute(app, jobs, guard);
    rejectedRoute(app, jobs, guard);
    resultRoutes(app, jobs, guard);
    responseRoute(app, jobs, guard);
    eventRoute(app, jobs, guard);
    uploadRoutes(app, jobs, guard);
    statsRoute(app, jobs, guard);
    redriveRoute(app, jobs, guard);
    dashboardRoutes(app);
  }
  return app;
}

/** A query's numbers and flags, written as JSON has them; everything else stays the text that it is, to be told so. */
function fromText(schema: TSchema, query: unknown): unknown {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  return Object.fromEntries(
    Object.entries(query as object).map(([name, value]) => {
      const form = FORMS[properties[name]?.type ?? ""];
      return [name, typeof value === "string" && form?.test(value) ? JSON.parse(value) : value];
    }),
  );
}
const FORMS: Record<string, RegExp> = { integer: /^-?(0|[1-9]\d{0,15})$/, boolean: /^(true|false)$/ };
