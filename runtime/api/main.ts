import { lazyS3, sqsClient } from "../platform/aws.ts";
import { PLANNING_CONNECTIONS, pool } from "../platform/postgres.ts";
import { readSettings } from "../platform/settings.ts";
import { planningPool } from "../queries/explain.ts";
import { trackingStore } from "../tracking/index.ts";
import { createApp } from "./app.ts";

/**
 * Entry point of the API's process, in the container and on the local platform. HOST and PORT set the address; settings
 * and database come from the environment (runtime/platform). SIGTERM and SIGINT drain: running requests finish, new
 * connections are refused.
 */
const settings = readSettings();
const { queues, buckets } = settings;
const db = pool("api_reader", settings.api.poolMax, { statement_timeout: settings.api.statementSeconds * 1000 });
const plans = planningPool(PLANNING_CONNECTIONS);
const cloud = queues && buckets ? { sqs: sqsClient(), s3: await lazyS3(settings)(), queues, buckets } : undefined;
const app = await createApp({
  db,
  plans,
  settings,
  tracking: trackingStore(settings, db),
  cloud,
  logLevel: process.env.LOG_LEVEL ?? "info",
});

/** Interval for closing idle connections while draining. */
const CLOSE_IDLE_MS = 50;

const stop = async () => {
  // A connection that was busy when closing began stays open after its response. It would delay the exit until its timeout.
  const closeIdle = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_MS);
  await app.close();
  clearInterval(closeIdle);
  await Promise.all([db.end(), plans.end()]);
  cloud?.sqs.destroy();
  cloud?.s3.destroy();
  process.exit(0);
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

const url = await app.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT ?? 3000) });
process.send?.({ ready: true, url });
