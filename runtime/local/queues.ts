import type { Settings } from "../platform/settings.ts";
import type { Emulator } from "./emulator.ts";

type Queues = NonNullable<Settings["queues"]>;

/**
 * Number of receives before SQS moves a message to the dead-letter queue: more than an outage causes. The dispatcher
 * itself moves invalid messages.
 */
const MAX_RECEIVES = 1_000;
/** Visibility timeout of requests and wake-ups. */
const VISIBILITY_SECONDS = 30;

/** Creates missing queues, including a response queue for each tenant, and returns the URLs of all. */
export function ensureQueues(emulator: Emulator, tenants: readonly string[]): Queues {
  const deadLetters = emulator.createQueue("rates-dead-letters");
  const deadLetterTargetArn = `arn:aws:sqs:${emulator.region}:000000000000:rates-dead-letters`;
  const attributes = {
    VisibilityTimeout: String(VISIBILITY_SECONDS),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES }),
  };
  return {
    requests: emulator.createQueue("rates-requests", attributes),
    wakeups: emulator.createQueue("rates-wakeups", attributes),
    deadLetters,
    responses: emulator.createQueue("rates-responses"),
    tenants: Object.fromEntries(tenants.map((tenant) => [tenant, emulator.createQueue(`rates-responses-${tenant}`)])),
  };
}

/** Creates missing buckets, and returns their names. */
export function ensureBuckets(emulator: Emulator): { results: string; uploads: string } {
  const buckets = { results: "rates-results", uploads: "rates-uploads" };
  for (const name of Object.values(buckets)) emulator.createBucket(name);
  return buckets;
}
