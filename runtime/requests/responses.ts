import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from "@aws-sdk/client-sqs";
import { isConflict, isOutage } from "../contract/classify.ts";
import { TRACEPARENT, traceparentOfBody } from "../contract/traceparent.ts";
import type { Settings } from "../platform/settings.ts";
import { type Database, type DueResponse, responsesSent, type SentResponse } from "../store/jobs.ts";
import { repeatCall } from "../store/repeatCall.ts";

/** URLs of the stack's queues. */
export type Queues = NonNullable<Settings["queues"]>;

/** Returns the response queue of a tenant: its own if the stack names one, otherwise the shared queue. */
export const responseQueue = (queues: Queues, tenant: string): string => queues.tenants[tenant] ?? queues.responses;

/** Maximum entries and bytes of a batch, including attributes (SQS API Reference, SendMessageBatch). */
const BATCH_ENTRIES = 10;
const BATCH_BYTES = 1_048_576;
/** Upper bound of the bytes of a response's attributes: names, types, and values of at most 128 characters each. */
const ATTRIBUTE_BYTES = 512;

/** Outcome of sending responses. */
export interface SendResult {
  sent: SentResponse[];
  failed: { response: DueResponse; error: unknown }[];
}

/**
 * Sends committed responses to their queues in as few calls as SQS allows. Never rejects: the result has the outcome of
 * each response.
 */
export async function sendResponses(
  sqs: SQSClient,
  queues: Queues,
  responses: readonly DueResponse[],
): Promise<SendResult> {
  const result: SendResult = { sent: [], failed: [] };
  await Promise.all(
    groupByQueue(queues, responses).map(async ({ queue, batch }) => {
      try {
        const { Successful = [], Failed = [] } = await sqs.send(
          new SendMessageBatchCommand({ QueueUrl: queue, Entries: batch.map(batchEntry) }),
        );
        for (const { Id, MessageId } of Successful) {
          const response = batch[Number(Id)];
          if (response) result.sent.push({ id: response.id, version: response.version, messageId: MessageId ?? "" });
        }
        for (const { Id, Code, Message } of Failed) {
          const response = batch[Number(Id)];
          if (response) result.failed.push({ response, error: new Error(`${Code}: ${Message ?? ""}`) });
        }
      } catch (error) {
        result.failed.push(...batch.map((response) => ({ response, error })));
      }
    }),
  );
  return result;
}

/**
 * Sends committed responses and records that they were sent. After a crash between the two steps they are sent again,
 * with the same bodies and responseIds, so that consumers can drop the duplicates.
 * @returns the responses that were not sent, which stay due
 */
export async function deliverResponses(
  sqs: SQSClient,
  queues: Queues,
  db: Database,
  responses: readonly DueResponse[],
): Promise<SendResult["failed"]> {
  const { sent, failed } = await sendResponses(sqs, queues, responses);
  // Unrecorded responses would be sent again. Recording twice is harmless, so calls with an unknown outcome are repeated.
  await repeatCall(() => responsesSent(db, sent), {
    isSafe: (error) => isConflict(error) || (isOutage(error) && !isStatementCancelled(error)),
  });
  return failed;
}

/** Returns true if a timeout or an administrator ended the statement. A repeat would probably take as long. */
const isStatementCancelled = (error: unknown): boolean => (error as { code?: string }).code === "57014";

function groupByQueue(queues: Queues, responses: readonly DueResponse[]): { queue: string; batch: DueResponse[] }[] {
  const batches: { queue: string; batch: DueResponse[]; bytes: number }[] = [];
  for (const response of responses) {
    const queue = responseQueue(queues, response.tenant);
    const bytes = Buffer.byteLength(response.body) + ATTRIBUTE_BYTES;
    const lastBatch = batches.findLast((batch) => batch.queue === queue);
    if (lastBatch && lastBatch.batch.length < BATCH_ENTRIES && lastBatch.bytes + bytes <= BATCH_BYTES) {
      lastBatch.batch.push(response);
      lastBatch.bytes += bytes;
    } else batches.push({ queue, batch: [response], bytes });
  }
  return batches;
}

function batchEntry(response: DueResponse, index: number): SendMessageBatchRequestEntry {
  const text = (value: string) => ({ DataType: "String", StringValue: value });
  const traceparent = traceparentOfBody(response.body);
  return {
    Id: String(index),
    MessageBody: response.body,
    MessageAttributes: {
      requestId: text(response.requestId),
      status: text(response.status),
      responseId: text(response.responseId),
      ...(traceparent === undefined ? {} : { [TRACEPARENT]: text(traceparent) }),
    },
  };
}
