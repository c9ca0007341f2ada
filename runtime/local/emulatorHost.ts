import { isDeepStrictEqual } from "node:util";
import { readSettings, requireCloud } from "../platform/settings.ts";
import { startEmulator } from "./emulator.ts";
import { ensureBuckets, ensureQueues } from "./queues.ts";

/**
 * Runs the emulator of SQS and S3 in a separate container, for compose.yaml: `node runtime/local/emulatorHost.ts`. It
 * listens on PORT and stores messages and objects in RATES_DATA_DIR. Its queues and buckets must match RATES_SETTINGS
 * of the other containers. SIGTERM ends it.
 */
const { queues, buckets } = requireCloud(readSettings());
const emulator = await startEmulator({
  port: Number(process.env.PORT),
  listen: "0.0.0.0",
  ...(process.env.RATES_DATA_DIR ? { directory: process.env.RATES_DATA_DIR } : {}),
  ...(process.env.AWS_REGION ? { region: process.env.AWS_REGION } : {}),
});
process.once("SIGTERM", async () => {
  await emulator.stop();
  process.exit(0);
});

// Refuses other names, since messages to a queue that exists only in the other containers' settings would be lost.
const resources = { queues: ensureQueues(emulator, Object.keys(queues.tenants)), buckets: ensureBuckets(emulator) };
if (!isDeepStrictEqual(resources, { queues, buckets }))
  throw new Error(`RATES_SETTINGS must name the existing queues and buckets: ${JSON.stringify(resources)}`);
console.log(`SQS and S3 listen at ${emulator.endpoint}`);
