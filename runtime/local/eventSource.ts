import {
  DeleteMessageBatchCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSMessageAttribute, SQSRecord } from "aws-lambda";
import type { Logger } from "pino";

/** Messages per invocation: Lambda's default, and the maximum of one receive from SQS. */
const BATCH_SIZE = 10;
const LONG_POLL_SECONDS = 20;
/** Milliseconds before a queue that could not be read is read again. */
const PAUSE_MS = 1_000;

/** Settings of the local event source mapping. */
export interface EventSourceOptions {
  sqs: SQSClient;
  queueUrl: string;
  region: string;
  /** Maximum concurrent invocations. */
  concurrency: number;
  /**
   * The Lambda handler. If it rejects, the whole batch stays in the queue; otherwise only the messages that it reports
   * stay.
   */
  handler(event: SQSEvent): Promise<SQSBatchResponse>;
  log: Pick<Logger, "error">;
}

/** A queue that is being read. */
export interface EventSource {
  /** Stops receiving messages, and resolves when the running invocations have ended. */
  stop(): Promise<void>;
}

/**
 * Implements Lambda's event source mapping between a queue and a function: receives messages, invokes the handler with
 * up to ten of them, deletes those that it did not report as failed, and leaves the others to become visible again
 * after the queue's visibility timeout.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopping = new AbortController();
  const invocations = new Set<Promise<void>>();

  const poll = async () => {
    while (!stopping.signal.aborted) {
      if (invocations.size >= options.concurrency) {
        await Promise.race(invocations);
        continue;
      }
      try {
        const messages = await receive(options, stopping.signal);
        if (messages.length === 0) continue;
        const invocation = invoke(options, messages).finally(() => invocations.delete(invocation));
        invocations.add(invocation);
      } catch (error) {
        if (stopping.signal.aborted) return;
        options.log.error({ queue: options.queueUrl, error: String(error) }, "the queue cannot be read");
        await waitUnlessAborted(stopping.signal);
      }
    }
  };
  const polling = poll();
  return {
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(invocations);
    },
  };
}

async function receive({ sqs, queueUrl }: EventSourceOptions, abortSignal: AbortSignal): Promise<Message[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: BATCH_SIZE,
    WaitTimeSeconds: LONG_POLL_SECONDS,
    MessageSystemAttributeNames: ["All"],
    MessageAttributeNames: ["All"],
  });
  return (await sqs.send(command, { abortSignal })).Messages ?? [];
}

/** Runs one invocation and deletes its successful messages. Never rejects: undeleted messages are delivered again. */
async function invoke(options: EventSourceOptions, messages: Message[]): Promise<void> {
  const { sqs, queueUrl, log } = options;
  try {
    const { batchItemFailures } = await options.handler({
      Records: messages.map((message) => toRecord(message, options)),
    });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const succeeded = messages.filter(({ MessageId = "" }) => !failed.has(MessageId));
    if (succeeded.length === 0) return;
    const Entries = succeeded.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  } catch (error) {
    log.error({ queue: queueUrl, messages: messages.length, error: String(error) }, "an invocation failed");
  }
}

function toRecord(message: Message, { queueUrl, region }: EventSourceOptions): SQSRecord {
  const [account = "", queue = ""] = new URL(queueUrl).pathname.split("/").slice(-2);
  const { SentTimestamp = "", ApproximateReceiveCount = "", SenderId = "", ...others } = message.Attributes ?? {};
  const { ApproximateFirstReceiveTimestamp = "" } = others;
  return {
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    attributes: { ...others, SentTimestamp, ApproximateReceiveCount, SenderId, ApproximateFirstReceiveTimestamp },
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, toAttribute(value)]),
    ),
    md5OfBody: message.MD5OfBody ?? "",
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:${region}:${account}:${queue}`,
    awsRegion: region,
  };
}

function toAttribute({ DataType = "String", StringValue, BinaryValue }: MessageAttributeValue): SQSMessageAttribute {
  return {
    dataType: DataType,
    stringListValues: [],
    binaryListValues: [],
    ...(StringValue === undefined ? {} : { stringValue: StringValue }),
    ...(BinaryValue === undefined ? {} : { binaryValue: Buffer.from(BinaryValue).toString("base64") }),
  };
}

async function waitUnlessAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PAUSE_MS);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
