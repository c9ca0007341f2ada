import type { SQSClient } from "@aws-sdk/client-sqs";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Settings } from "../platform/settings.ts";
import { type Database, type DueResponse, responseSent } from "../store/jobs.ts";

export type Queues = NonNullable<Settings["queues"]>;

/** The queue that a tenant's responses go to: its own where the stack names it, else the shared one. */
export const responseQueue = (queues: Queues, tenant: string): string => queues.tenants[tenant] ?? queues.responses;

/**
 * Sends a frozen response and records that it was sent. A crash between the two sends it again: the same body with the
 * same responseId, by which consumers drop repeats.
 */
export async function sendResponse(
  sqs: SQSClient,
  queues: Queues,
  db: Database,
  response: DueResponse,
  onSent?: () => void,
): Promise<void> {
  const text = (value: string) => ({ DataType: "String", StringValue: value });
  const { MessageId } = await sqs.send(
    new SendMessageCommand({
      QueueUrl: responseQueue(queues, response.tenant),
      MessageBody: response.body,
      MessageAttributes: {
        requestId: text(response.requestId),
        status: text(response.status),
        responseId: text(response.responseId),
      },
    }),
  );
  onSent?.();
  await responseSent(db, response.id, MessageId ?? "");
}
