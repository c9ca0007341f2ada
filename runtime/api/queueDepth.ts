import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { JobServices } from "./deps.ts";
import { memoizeBriefly } from "./memoizeBriefly.ts";

/** SQS counts messages by approximation, and charges by the call. */
const QUEUE_MS = 5_000;

/** Says about how many messages wait in a queue; undefined where SQS does not answer. */
export function queueDepth({ sqs }: Pick<JobServices["cloud"], "sqs">): (queue: string) => Promise<number | undefined> {
  const keep = memoizeBriefly(QUEUE_MS);
  return (queue) =>
    keep(queue, async () => {
      const command = new GetQueueAttributesCommand({
        QueueUrl: queue,
        AttributeNames: ["ApproximateNumberOfMessages"],
      });
      const answer = await sqs.send(command).catch(() => undefined);
      const count = answer?.Attributes?.ApproximateNumberOfMessages;
      return count === undefined ? undefined : Number(count);
    });
}
