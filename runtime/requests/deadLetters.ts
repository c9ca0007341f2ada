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

/** The class of a dead letter that SQS itself moved: no dispatcher could take it in, as during an outage. */
export const RECEIVED_TOO_OFTEN = "ReceivedTooOften";

/** Selection of dead letters to redrive. */
export interface Redrive {
  /** Error classes to put back; left out, those whose cause may have passed. */
  types?: readonly string[] | undefined;
  /** Only these messages. */
  messageIds?: readonly string[] | undefined;
  /** Only count. */
  dryRun: boolean;
  /** Dead letters looked at, at most. */
  limit: number;
}

/** Outcome of the inspected dead letters. */
export interface Redriven {
  /** By error class, put back into the request queue; in a dry run, what would be. */
  redriven: Record<string, number>;
  /** By error class, left where they are. */
  kept: Record<string, number>;
  causes: DeadLetterCause[];
  looked: number;
  /** About how many dead letters there were. */
  total: number;
}

/** Time that a dead letter is hidden from others while it is looked at. Seconds. */
const HELD = 120;

/**
 * Puts dead letters back into the request queue by error class. SQS can move a whole queue only, so each is sent, and
 * deleted once that is acknowledged: a crash between the two sends it twice, which is the same job.
 */
export async function redrive(
  sqs: SQSClient,
  queues: Queues,
  rules: MessageRules,
  { types, messageIds, dryRun, limit }: Redrive,
): Promise<Redriven> {
  const counts = { redriven: {}, kept: {} } as Pick<Redriven, "redriven" | "kept">;
  const letters: CountedLetter[] = [];
  const held: string[] = [];
  const total = await depthOf(sqs, queues.deadLetters);
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, Math.min(limit, total))) {
      const { body: _, ...letter } = await shownLetter(message, rules);
      const isMeant = messageIds?.includes(letter.messageId) ?? true;
      const back = isMeant && (types ? types.includes(letter.type) : messageIds !== undefined || letter.redrivable);
      const count = back ? counts.redriven : counts.kept;
      count[letter.type] = (count[letter.type] ?? 0) + 1;
      letters.push({ ...letter, redrivable: back });
      if (!back || dryRun) {
        held.push(message.ReceiptHandle ?? "");
        continue;
      }
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
    }
  } finally {
    // Not before the end: what is in sight again would be received again.
    await release(sqs, queues.deadLetters, held);
  }
  return { ...counts, causes: causesOf(letters), looked: letters.length, total: Math.max(total, letters.length) };
}

/** A dead letter as people look at it; it stays where it is. */
export interface DeadLetter extends CountedLetter {
  messageId: string;
  /** The beginning of its body, without secrets of URLs. */
  body: string;
  bodyLength: number;
  sender: string | undefined;
  /** ISO time of the first receive. */
  firstReceivedAt: string | undefined;
}

/** Dead letters that were looked at. */
export interface DeadLetterPage {
  letters: DeadLetter[];
  causes: DeadLetterCause[];
  /** About how many there are. */
  total: number;
}

/** Characters of a body that are shown. */
const BODY_SHOWN = 4_000;

/** Looks at dead letters, at most so many, and leaves them in sight of others. */
export async function listDeadLetters(
  sqs: SQSClient,
  queues: Queues,
  rules: MessageRules,
  limit: number,
): Promise<DeadLetterPage> {
  const letters: DeadLetter[] = [];
  const held: string[] = [];
  const total = await depthOf(sqs, queues.deadLetters);
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, Math.min(limit, total))) {
      held.push(message.ReceiptHandle ?? "");
      letters.push(await shownLetter(message, rules));
    }
  } finally {
    await release(sqs, queues.deadLetters, held);
  }
  return { letters, causes: causesOf(letters), total: Math.max(total, letters.length) };
}

async function shownLetter(message: Message, rules: MessageRules): Promise<DeadLetter> {
  const { MessageId = "", Body = "", Attributes = {} } = message;
  const { type, reason } = causeOf(message);
  const time = (value: string | undefined) => (value === undefined ? undefined : new Date(Number(value)).toISOString());
  const beginning = cutText(Body, BODY_SHOWN);
  const sender = senderOfLetter(message);
  // Bodies may be large: other requests have their turn before each.
  await setImmediate();
  return {
    messageId: MessageId,
    type,
    reason,
    redrivable: isWorthIt(type),
    failsAgain: expectedFailure(Body, sender ?? "", rules) ?? failureByClass(type, reason, rules),
    body: redactText(beginning.length < Body.length ? `${beginning}@` : beginning),
    bodyLength: Body.length,
    sender,
    sentAt: time(Attributes.SentTimestamp),
    firstReceivedAt: time(Attributes.ApproximateFirstReceiveTimestamp),
    receives: Number(Attributes.ApproximateReceiveCount ?? 0),
  };
}

/** A process without the rules for senders (the API of a stack) expects that a sender that was refused still is. */
const failureByClass = (
  type: string,
  reason: string | undefined,
  { callers }: MessageRules,
): ExpectedFailure | undefined =>
  type === "NotAllowed" && callers === undefined
    ? { outcome: "deadLetter", type, reason: reason ?? ERRORS.NotAllowed.message }
    : undefined;

/** Puts messages back in sight. */
const release = (sqs: SQSClient, QueueUrl: string, held: readonly string[]) =>
  Promise.allSettled(
    held.map((ReceiptHandle) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
    ),
  );

/** About how many messages a queue has. */
async function depthOf(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
  );
  return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
}

/** @param limit at most as many as there were before: what is put back and fails again meanwhile is for the next time */
async function* deadLetters(sqs: SQSClient, QueueUrl: string, limit: number): AsyncGenerator<Message> {
  let left = limit;
  while (left > 0) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(10, left),
        VisibilityTimeout: HELD,
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
    left -= Messages.length;
    yield* Messages;
  }
}

/** Error class and reason of a dead letter. The attributes of one that SQS moved are its sender's own. */
function causeOf({ Attributes = {}, MessageAttributes = {} }: Message): Pick<DeadLetter, "type" | "reason"> {
  const { errorType, reason } = Attributes.DeadLetterQueueSourceArn === undefined ? MessageAttributes : {};
  return { type: errorType?.StringValue ?? RECEIVED_TOO_OFTEN, reason: reason?.StringValue };
}

/**
 * The sender of a dead letter. One that SQS moved has it as its SenderId, and attributes that its sender chose; the
 * dispatcher's own letters name it in an attribute.
 */
function senderOfLetter({ Attributes = {}, MessageAttributes = {} }: Message): string | undefined {
  if (Attributes.DeadLetterQueueSourceArn !== undefined) return Attributes.SenderId;
  return MessageAttributes[SENDER_ATTRIBUTE]?.StringValue ?? Attributes.SenderId;
}

/** Returns true if the same message may be accepted now. */
const isWorthIt = (type: string): boolean =>
  type === RECEIVED_TOO_OFTEN || (Object.hasOwn(ERRORS, type) && ERRORS[type as keyof typeof ERRORS].retryable);
