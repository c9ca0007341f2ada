import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from "@aws-sdk/client-sqs";
import { TRACEPARENT, traceparentOfBody } from "../contract/traceparent.ts";
import type { Settings } from "../platform/settings.ts";
import { type Database, type DueResponse, responsesSent, type SentResponse } from "../store/jobs.ts";

export type Queues = NonNullable<Settings["queues"]>;

/** The queue that a tenant's responses go to: its own where the stack names it, else the shared one. */
export const responseQueue = (queues: Queues, tenant: string): string => queues.tenants[tenant] ?? queues.responses;

/** Entries and bytes that SQS takes in one batch, attributes included (SendMessageBatch, API reference). */
const BATCH_ENTRIES = 10;
const BATCH_BYTES = 1_048_576;
/** Upper bound of the bytes of a response's attributes: names, types, and values of at most 128 characters each. */
const ATTRIBUTE_BYTES = 512;

/** Outcome of sending responses. */
export interface Sending {
  sent: SentResponse[];
  failed: { response: DueResponse; error: unknown }[];
}

/** Puts frozen responses on their queues, in as few calls as SQS allows. Never rejects: each response has its outcome. */
export async function sendResponses(
  sqs: SQSClient,
  queues: Queues,
  responses: readonly DueResponse[],
): Promise<Sending> {
  const sending: Sending = { sent: [], failed: [] };
  await Promise.all(
    batches(queues, responses).map(async ({ queue, batch }) => {
      try {
        const { Successful = [], Failed = [] } = await sqs.send(
          new SendMessageBatchCommand({ QueueUrl: queue, Entries: batch.map(entry) }),
        );
        for (const { Id, MessageId } of Successful) {
          const response = batch[Number(Id)];
          if (response) sending.sent.push({ id: response.id, messageId: MessageId ?? "" });
        }
        for (const { Id, Code, Message } of Failed) {
          const response = batch[Number(Id)];
          if (response) sending.failed.push({ response, error: new Error(`${Code}: ${Message ?? ""}`) });
        }
      } catch (error) {
        sending.failed.push(...batch.map((response) => ({ response, error })));
      }
    }),
  );
  return sending;
}

/**
 * Sends frozen responses and records that they were sent. A crash between the two sends them again: the same bodies with
 * the same responseIds, by which consumers drop repeats.
 * @returns the responses that were not sent, which stay due
 */
export async function deliverResponses(
  sqs: SQSClient,
  queues: Queues,
  db: Database,
  responses: readonly DueResponse[],
): Promise<Sending["failed"]> {
  const { sent, failed } = await sendResponses(sqs, queues, responses);
  await responsesSent(db, sent);
  return failed;
}

function batches(queues: Queues, responses: readonly DueResponse[]): { queue: string; batch: DueResponse[] }[] {
  const made: { queue: string; batch: DueResponse[]; bytes: number }[] = [];
  for (const response of responses) {
    const queue = responseQueue(queues, response.tenant);
    const bytes = Buffer.byteLength(response.body) + ATTRIBUTE_BYTES;
    const open = made.findLast((one) => one.queue === queue);
    if (open && open.batch.length < BATCH_ENTRIES && open.bytes + bytes <= BATCH_BYTES) {
      open.batch.push(response);
      open.bytes += bytes;
    } else made.push({ queue, batch: [response], bytes });
  }
  return made;
}

function entry(response: DueResponse, index: number): SendMessageBatchRequestEntry {
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
