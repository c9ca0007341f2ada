import { lazyS3, sqsClient } from "../platform/aws.ts";
import { PLANNING_CONNECTIONS, pool } from "../platform/postgres.ts";
import { readSettings } from "../platform/settings.ts";
import { planningPool } from "../queries/explain.ts";
import { trackingStore } from "../tracking/index.ts";
import { createApp } from "./app.ts";

/**
 * The API's process: the container's entry point, and the local platform's. HOST and PORT say where it listens, the
 * rest of the environment is that of database.ts and settings.ts. SIGTERM drains: no new connections, running requests
 * are finished.
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

/** How often connections that have become idle are closed while draining. */
const SWEEP_MS = 50;

const stop = async () => {
  // A connection whose request was in hand stays open behind the answer; it would be waited for until it times out.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  await app.close();
  clearInterval(sweep);
  await Promise.all([db.end(), plans.end()]);
  cloud?.sqs.destroy();
  cloud?.s3.destroy();
  process.exit(0);
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

const url = await app.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT ?? 3000) });
process.send?.({ ready: true, url });
