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
import { SENDER_ATTRIBUTE } from "./callers.ts";
import type { Queues } from "./responses.ts";

/** The class of a dead letter that SQS itself moved: no dispatcher could take it in, as during an outage. */
export const RECEIVED_TOO_OFTEN = "ReceivedTooOften";

/** What to put back. */
export interface Redrive {
  /** Error classes to put back; left out, those whose cause may have passed. */
  types?: readonly string[] | undefined;
  /** Only count. */
  dryRun: boolean;
  /** Dead letters looked at, at most. */
  limit: number;
}

/** What became of the dead letters that were looked at, by error class. */
export interface Redriven {
  /** Put back into the request queue; in a dry run, what would be. */
  redriven: Record<string, number>;
  /** Left where they are. */
  kept: Record<string, number>;
}

/** How long a dead letter is out of others' sight while it is looked at. Seconds. */
const HELD = 120;

/**
 * Puts dead letters back into the request queue by error class. SQS can move a whole queue only, so each is sent, and
 * deleted once that is acknowledged: a crash between the two sends it twice, which is the same job.
 */
export async function redrive(sqs: SQSClient, queues: Queues, { types, dryRun, limit }: Redrive): Promise<Redriven> {
  const outcome: Redriven = { redriven: {}, kept: {} };
  const held: Message[] = [];
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, limit)) {
      const type = typeOf(message);
      const back = types ? types.includes(type) : isWorthIt(type);
      const counts = back ? outcome.redriven : outcome.kept;
      counts[type] = (counts[type] ?? 0) + 1;
      if (!back || dryRun) {
        held.push(message);
        continue;
      }
      const sender = senderOfLetter(message);
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.requests,
          MessageBody: message.Body ?? "",
          ...(sender ? { MessageAttributes: { [SENDER_ATTRIBUTE]: { DataType: "String", StringValue: sender } } } : {}),
        }),
      );
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queues.deadLetters, ReceiptHandle: message.ReceiptHandle }));
    }
  } finally {
    // Not before the end: what is in sight again would be received again.
    await release(sqs, queues.deadLetters, held);
  }
  return outcome;
}

/** A dead letter as people look at it; it stays where it is. */
export interface DeadLetter {
  messageId: string;
  /** Error class. */
  type: string;
  /** What the dispatcher said is wrong; undefined where SQS itself moved the message. */
  reason: string | undefined;
  /** Whether a redrive without named classes puts it back. */
  redrivable: boolean;
  /** The beginning of its body, without secrets of URLs. */
  body: string;
  bodyLength: number;
  sender: string | undefined;
  /** ISO time when it came into the queue, or, of a letter that SQS moved, when it was sent. */
  sentAt: string | undefined;
  /** ISO time when somebody first received it. */
  firstReceivedAt: string | undefined;
  /** How often it was received, looks included. */
  receives: number;
}

/** Characters of a body that are shown. */
const BODY_SHOWN = 4_000;

/** Looks at dead letters, at most so many, and leaves them in sight of others. */
export async function listDeadLetters(sqs: SQSClient, queues: Queues, limit: number): Promise<DeadLetter[]> {
  const held: Message[] = [];
  try {
    for await (const message of deadLetters(sqs, queues.deadLetters, limit)) held.push(message);
    return held.map(shownLetter);
  } finally {
    await release(sqs, queues.deadLetters, held);
  }
}

function shownLetter(message: Message): DeadLetter {
  const { MessageId = "", Body = "", Attributes = {}, MessageAttributes = {} } = message;
  const type = typeOf(message);
  const time = (value: string | undefined) => (value === undefined ? undefined : new Date(Number(value)).toISOString());
  const beginning = cutText(Body, BODY_SHOWN);
  return {
    messageId: MessageId,
    type,
    reason: MessageAttributes.reason?.StringValue,
    redrivable: isWorthIt(type),
    body: redactText(beginning.length < Body.length ? `${beginning}@` : beginning),
    bodyLength: Body.length,
    sender: senderOfLetter(message),
    sentAt: time(Attributes.SentTimestamp),
    firstReceivedAt: time(Attributes.ApproximateFirstReceiveTimestamp),
    receives: Number(Attributes.ApproximateReceiveCount ?? 0),
  };
}

/** Puts messages back in sight. */
const release = (sqs: SQSClient, QueueUrl: string, held: readonly Message[]) =>
  Promise.allSettled(
    held.map(({ ReceiptHandle }) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
    ),
  );

async function* deadLetters(sqs: SQSClient, QueueUrl: string, limit: number): AsyncGenerator<Message> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
  );
  // No more than lie there now: what is put back and fails again meanwhile is for the next time.
  let left = Math.min(limit, Number(Attributes?.ApproximateNumberOfMessages ?? 0));
  while (left > 0) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(10, left),
        VisibilityTimeout: HELD,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ["errorType", "reason", SENDER_ATTRIBUTE],
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

const typeOf = (message: Message): string => message.MessageAttributes?.errorType?.StringValue ?? RECEIVED_TOO_OFTEN;

/**
 * The sender of a dead letter. One that SQS moved has it as its SenderId, and attributes that its sender chose; the
 * dispatcher's own letters name it in an attribute.
 */
function senderOfLetter({ Attributes = {}, MessageAttributes = {} }: Message): string | undefined {
  if (Attributes.DeadLetterQueueSourceArn !== undefined) return Attributes.SenderId;
  return MessageAttributes[SENDER_ATTRIBUTE]?.StringValue ?? Attributes.SenderId;
}

/** Whether the same message may be taken in now. */
const isWorthIt = (type: string): boolean =>
  type === RECEIVED_TOO_OFTEN || (Object.hasOwn(ERRORS, type) && ERRORS[type as keyof typeof ERRORS].retryable);
