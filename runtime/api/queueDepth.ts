import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { JobServices } from "./deps.ts";
import { memoizeBriefly } from "./memoizeBriefly.ts";

/** Minimum interval between two reads of a queue's size, since SQS charges per call. */
const QUEUE_MS = 5_000;

/** Creates a function that reads the approximate number of messages in a queue, undefined while SQS does not respond. */
export function queueDepth({ sqs }: Pick<JobServices["cloud"], "sqs">): (queue: string) => Promise<number | undefined> {
  const cached = memoizeBriefly(QUEUE_MS);
  return (queue) =>
    cached(queue, async () => {
      const command = new GetQueueAttributesCommand({
        QueueUrl: queue,
        AttributeNames: ["ApproximateNumberOfMessages"],
      });
      const response = await sqs.send(command).catch(() => undefined);
      const count = response?.Attributes?.ApproximateNumberOfMessages;
      return count === undefined ? undefined : Number(count);
    });
}
