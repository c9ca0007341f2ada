import { setImmediate } from "node:timers/promises";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { cutText } from "../contract/bounds.ts";
import { ERRORS } from "../contract/errors.ts";
import { redactText } from "../contract/redact.ts";
import { TRACEPARENT, validTraceparent } from "../contract/traceparent.ts";
import { SENDER_ATTRIBUTE } from "./callers.ts";
import { type CountedLetter, causesOf, type DeadLetterCause } from "./deadLetterCauses.ts";
import { type ExpectedFailure, expectedFailure, type MessageRules } from "./forecast.ts";
import type { Queues } from "./responses.ts";

/** Error type of dead letters that SQS moved because no dispatcher could handle them, for example during an outage. */
export const RECEIVED_TOO_OFTEN = "ReceivedTooOften";

/** Selection of dead letters to redrive. */
export interface Redrive {
  /** Error types to redrive. @default all types if messageIds is given, otherwise the retryable ones */
  types?: readonly string[] | undefined;
  /** Limits the redrive to these messages. */
  messageIds?: readonly string[] | undefined;
  /** Counts without redriving. */
  dryRun: boolean;
  /** Maximum number of inspected dead letters. */
  limit: number;
}

/** Outcome of a redrive. */
export interface RedriveOutcome {
  /** Number of letters per error type that were returned to the request queue; in a dry run, that would be returned. */
  redriven: Record<string, number>;
  /** Number of letters per error type that stay in the dead-letter queue. */
  kept: Record<string, number>;
  causes: DeadLetterCause[];
  /** Number of inspected dead letters. */
  looked: number;
  /** Approximate number of dead letters. */
  total: number;
}

/** Visibility timeout of dead letters during an inspection. */
const INSPECTION_SECONDS = 120;

/**
 * Returns dead letters to the request queue by error type. SQS can only move whole queues, so each message is sent,
 * then deleted. A crash in between leaves two copies, which create one job.
 */
export async function redrive(
  sqs: SQSClient,
  queues: Queues,
  rules: MessageRules,
  { types, messageIds, dryRun, limit }: Redrive,
): Promise<RedriveOutcome> {
  const counts = { redriven: {}, kept: {} } as Pick<RedriveOutcome, "redriven" | "kept">;
  const letters: CountedLetter[] = [];
  const receiptHandles = new Set<string | undefined>();
  const total = await depthOf(sqs, queues.deadLetters);
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, Math.min(limit, total), receiptHandles)) {
      const { body: _, ...letter } = await describeLetter(message, rules);
      const isSelected = messageIds?.includes(letter.messageId) ?? true;
      const isRedriven =
        isSelected && (types ? types.includes(letter.type) : messageIds !== undefined || letter.redrivable);
      const count = isRedriven ? counts.redriven : counts.kept;
      count[letter.type] = (count[letter.type] ?? 0) + 1;
      letters.push({ ...letter, redrivable: isRedriven });
      if (!isRedriven || dryRun) continue;
      const attributes = Object.entries({
        [SENDER_ATTRIBUTE]: letter.sender,
        [TRACEPARENT]: validTraceparent(message.MessageAttributes?.[TRACEPARENT]?.StringValue),
      }).flatMap(([name, StringValue]) => (StringValue ? [[name, { DataType: "String", StringValue }] as const] : []));
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.requests,
          MessageBody: message.Body ?? "",
          ...(attributes.length > 0 ? { MessageAttributes: Object.fromEntries(attributes) } : {}),
        }),
      );
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queues.deadLetters, ReceiptHandle: message.ReceiptHandle }));
      receiptHandles.delete(message.ReceiptHandle);
    }
  } finally {
    // Not earlier, since visible messages would be received again.
    await release(sqs, queues.deadLetters, receiptHandles);
  }
  return { ...counts, causes: causesOf(letters), looked: letters.length, total: Math.max(total, letters.length) };
}

/** A dead letter in a list. */
export interface DeadLetter extends CountedLetter {
  messageId: string;
  /** Beginning of its body, without secrets in URLs. */
  body: string;
  bodyLength: number;
  sender: string | undefined;
  /** ISO time of the first receive. */
  firstReceivedAt: string | undefined;
}

/** Listed dead letters. */
export interface DeadLetterPage {
  letters: DeadLetter[];
  causes: DeadLetterCause[];
  /** Approximate number in the queue. */
  total: number;
}

/** Maximum length of a listed body. Characters. */
const MAX_BODY = 4_000;

/** Lists up to `limit` dead letters, and makes them visible again. */
export async function listDeadLetters(
  sqs: SQSClient,
  queues: Queues,
  rules: MessageRules,
  limit: number,
): Promise<DeadLetterPage> {
  const letters: DeadLetter[] = [];
  const receiptHandles = new Set<string | undefined>();
  const total = await depthOf(sqs, queues.deadLetters);
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, Math.min(limit, total), receiptHandles))
      letters.push(await describeLetter(message, rules));
  } finally {
    await release(sqs, queues.deadLetters, receiptHandles);
  }
  return { letters, causes: causesOf(letters), total: Math.max(total, letters.length) };
}

async function describeLetter(message: Message, rules: MessageRules): Promise<DeadLetter> {
  const { MessageId = "", Body = "", Attributes = {} } = message;
  const { type, reason } = causeOf(message);
  const time = (value: string | undefined) => (value === undefined ? undefined : new Date(Number(value)).toISOString());
  const beginning = cutText(Body, MAX_BODY);
  const sender = senderOfLetter(message);
  // Checking a large body takes long, so other requests may run first.
  await setImmediate();
  return {
    messageId: MessageId,
    type,
    reason,
    redrivable: isRetryable(type),
    failsAgain: expectedFailure(Body, sender ?? "", rules) ?? failureByType(type, reason, rules),
    body: redactText(beginning.length < Body.length ? `${beginning}@` : beginning),
    bodyLength: Body.length,
    sender,
    sentAt: time(Attributes.SentTimestamp),
    firstReceivedAt: time(Attributes.ApproximateFirstReceiveTimestamp),
    receives: Number(Attributes.ApproximateReceiveCount ?? 0),
  };
}

/** Predicts that a refused sender is refused again, in processes without the rules for senders (the API of a stack). */
const failureByType = (
  type: string,
  reason: string | undefined,
  { callers }: MessageRules,
): ExpectedFailure | undefined =>
  type === "NotAllowed" && callers === undefined
    ? { outcome: "deadLetter", type, reason: reason ?? ERRORS.NotAllowed.message }
    : undefined;

/** Makes messages visible again. */
const release = (sqs: SQSClient, QueueUrl: string, receiptHandles: ReadonlySet<string | undefined>) =>
  Promise.allSettled(
    [...receiptHandles].map((ReceiptHandle) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
    ),
  );

/** Returns the approximate number of messages of a queue. */
async function depthOf(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
  );
  return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
}

/**
 * Receives dead letters.
 * @param limit at most the queue's depth before the redrive, so that letters which fail again are not received twice
 * @param receiptHandles set to which the receipt handle of every received letter is added
 */
async function* deadLetters(
  sqs: SQSClient,
  QueueUrl: string,
  limit: number,
  receiptHandles: Set<string | undefined>,
): AsyncGenerator<Message> {
  let remaining = limit;
  while (remaining > 0) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(10, remaining),
        VisibilityTimeout: INSPECTION_SECONDS,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ["errorType", "reason", SENDER_ATTRIBUTE, TRACEPARENT],
        MessageSystemAttributeNames: [
          "SenderId",
          "DeadLetterQueueSourceArn",
          "SentTimestamp",
          "ApproximateFirstReceiveTimestamp",
          "ApproximateReceiveCount",
        ],
      }),
    );
    if (Messages.length === 0) return;
    remaining -= Messages.length;
    for (const { ReceiptHandle } of Messages) receiptHandles.add(ReceiptHandle);
    yield* Messages;
  }
}

/**
 * Returns the error type and the reason of a dead letter. Attributes of a message that SQS moved are ignored, since
 * the sender of the request set them.
 */
function causeOf({ Attributes = {}, MessageAttributes = {} }: Message): Pick<DeadLetter, "type" | "reason"> {
  const { errorType, reason } = Attributes.DeadLetterQueueSourceArn === undefined ? MessageAttributes : {};
  return { type: errorType?.StringValue ?? RECEIVED_TOO_OFTEN, reason: reason?.StringValue };
}

/**
 * Returns the sender of a dead letter: the SenderId of a message that SQS moved, or the attribute of a message that the
 * dispatcher moved.
 */
function senderOfLetter({ Attributes = {}, MessageAttributes = {} }: Message): string | undefined {
  if (Attributes.DeadLetterQueueSourceArn !== undefined) return Attributes.SenderId;
  return MessageAttributes[SENDER_ATTRIBUTE]?.StringValue ?? Attributes.SenderId;
}

/** Returns true if a message with this error type may be accepted when it is sent again. */
const isRetryable = (type: string): boolean =>
  type === RECEIVED_TOO_OFTEN || (Object.hasOwn(ERRORS, type) && ERRORS[type as keyof typeof ERRORS].retryable);
