import type { Settings } from "../platform/settings.ts";
import type { Emulator } from "./emulator.ts";

type Queues = NonNullable<Settings["queues"]>;

/** Receives before SQS itself calls a message dead: far more than an outage uses up; the dispatcher buries the unreadable. */
const MAX_RECEIVES = 1_000;
/** Visibility timeout in seconds of a request that could not be processed. */
const VISIBILITY_SECONDS = 30;

/** Makes the queues, for the tenants named a response queue each, where they are missing. */
export function makeQueues(cloud: Emulator, tenants: readonly string[]): Queues {
  const deadLetters = cloud.createQueue("rates-dead-letters");
  const deadLetterTargetArn = `arn:aws:sqs:${cloud.region}:000000000000:rates-dead-letters`;
  const attributes = {
    VisibilityTimeout: String(VISIBILITY_SECONDS),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES }),
  };
  return {
    requests: cloud.createQueue("rates-requests", attributes),
    wakeups: cloud.createQueue("rates-wakeups", attributes),
    deadLetters,
    responses: cloud.createQueue("rates-responses"),
    tenants: Object.fromEntries(tenants.map((tenant) => [tenant, cloud.createQueue(`rates-responses-${tenant}`)])),
  };
}

/** Makes the buckets where they are missing. */
export function makeBuckets(cloud: Emulator): { results: string; uploads: string } {
  const buckets = { results: "rates-results", uploads: "rates-uploads" };
  for (const name of Object.values(buckets)) cloud.createBucket(name);
  return buckets;
}
