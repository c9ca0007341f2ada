import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { TSchema } from "typebox";
import Value from "typebox/value";
import { JobError } from "../jobs/errors.ts";
import { problemsOf } from "../jobs/problems.ts";
import { allQueries, allStatements, describeQuery } from "../jobs/queries.ts";
import { createGuards } from "./auth.ts";
import { dashboardRoutes } from "./dashboard/routes.ts";
import type { ApiDeps, JobDeps } from "./deps.ts";
import { docsRoutes } from "./docs.ts";
import { eventRoute } from "./events.ts";
import { explainRoute } from "./explain.ts";
import { jobRoutes } from "./jobs.ts";
import { metricsRoute } from "./metrics.ts";
import { handleErrors, invalid, sendProblem } from "./problem.ts";
import { ratesRoute } from "./rates.ts";
import { RatesReader } from "./ratesReader.ts";
import { redriveRoute } from "./redrive.ts";
import { resultRoutes } from "./results.ts";
import { statsRoute } from "./stats.ts";
import { uploadRoutes } from "./uploads.ts";

/** A request by HTTP holds what one by the queue may hold: SQS takes 1 MiB. */
export const BODY_BYTES = 1024 * 1024;
/** Statements of /rates at once: a third one costs 15 % of the database's work a request, in smaller batches, for nothing. */
const RATES_STATEMENTS = 2;
/** No body of ours is nested deeper than 8; what walks them must not run out of stack. */
const BODY_DEPTH = 64;

/** The HTTP API, ready to listen or to be injected into. */
export async function createApp(deps: ApiDeps): Promise<FastifyInstance> {
  const { db, settings, cloud } = deps;
  const app = Fastify({
    bodyLimit: BODY_BYTES,
    forceCloseConnections: "idle",
    // While it drains, what still comes over open connections is answered, and the connection closed behind it.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    // A path that is no URL reaches no route, and so no error handler.
    frameworkErrors: (error, _request, reply) =>
      sendProblem(reply as FastifyReply, new JobError("UnreadableMessage", { reason: error.message })),
    logController: new LogController({ disableRequestLogging: true }),
    logger: { level: deps.logLevel, redact: ["req.headers.authorization"] },
  });
  handleErrors(app);
  app.decorateRequest("caller", undefined);
  app.addHook("preValidation", ({ body }, _reply, done) => {
    if (!isDeeper(body, BODY_DEPTH)) return done();
    done(invalid([{ field: "request", message: `is nested deeper than ${BODY_DEPTH} levels.` }]));
  });
  // The same words for a bad parameter as for a bad request: each with its field, value and remedy, all at once.
  app.setValidatorCompiler<TSchema>(({ schema }) => (data) => {
    const value = Value.Convert(schema, Value.Default(schema, structuredClone(data ?? {})));
    const problems = problemsOf(schema, value);
    return problems.length > 0 ? { error: invalid(problems) } : { value };
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Rates platform", version: settings.version },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    },
  });

  app.get("/healthz", { schema: { summary: "Whether this process lives" } }, async () => ({ status: "ok" }));
  app.get("/readyz", { schema: { summary: "Whether the database answers" } }, async () => {
    await db.query("select from jobs.runners limit 1");
    return { status: "ready" };
  });

  await docsRoutes(app);
  const guard = createGuards(db);
  metricsRoute(app, deps, guard);
  ratesRoute(
    app,
    new RatesReader(db, Math.min(RATES_STATEMENTS, settings.api.poolMax)),
    settings.api.ratesDays,
    settings.api.openRates ? [] : [guard("read")],
  );
  app.get(
    "/queries",
    { preHandler: guard("read"), schema: { summary: "The named queries and statements, with their parameters" } },
    async () => ({
      queries: allQueries().map(describeQuery),
      statements: allStatements().map(describeQuery),
    }),
  );
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());

  if (cloud) {
    const jobs: JobDeps = { ...deps, cloud };
    jobRoutes(app, jobs, guard);
    explainRoute(app, jobs, guard);
    resultRoutes(app, jobs, guard);
    eventRoute(app, jobs, guard);
    uploadRoutes(app, jobs, guard);
    statsRoute(app, jobs, guard);
    redriveRoute(app, jobs, guard);
    dashboardRoutes(app);
  }
  return app;
}

/** Whether a parsed JSON value has more levels than that. */
const isDeeper = (value: unknown, levels: number): boolean =>
  value !== null &&
  typeof value === "object" &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));
