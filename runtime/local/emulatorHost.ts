import { isDeepStrictEqual } from "node:util";
import { readSettings, requireCloud } from "../platform/settings.ts";
import { startEmulator } from "./emulator.ts";
import { makeBuckets, makeQueues } from "./queues.ts";

/**
 * The stand-in for SQS and S3 as a container of its own, for compose.yaml: `node runtime/local/emulatorHost.ts`. PORT is where
 * it answers, RATES_DATA_DIR where it keeps messages and objects. The queues and buckets must be those that the other
 * containers' RATES_SETTINGS name. SIGTERM ends it.
 */
const { queues, buckets } = requireCloud(readSettings());
const cloud = await startEmulator({
  port: Number(process.env.PORT),
  listen: "0.0.0.0",
  ...(process.env.RATES_DATA_DIR ? { directory: process.env.RATES_DATA_DIR } : {}),
  ...(process.env.AWS_REGION ? { region: process.env.AWS_REGION } : {}),
});
process.once("SIGTERM", async () => {
  await cloud.stop();
  process.exit(0);
});

// Names are checked, not taken over: a queue that only one side knows would swallow every message.
const made = { queues: makeQueues(cloud, Object.keys(queues.tenants)), buckets: makeBuckets(cloud) };
if (!isDeepStrictEqual(made, { queues, buckets }))
  throw new Error(`RATES_SETTINGS names other queues or buckets than there are: ${JSON.stringify(made)}`);
console.log(`SQS and S3 answer at ${cloud.endpoint}`);
