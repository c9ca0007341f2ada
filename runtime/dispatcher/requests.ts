import { ChangeMessageVisibilityCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { cutText } from "../contract/bounds.ts";
import { classify } from "../contract/classify.ts";
import { type ErrorCode, JobError } from "../contract/errors.ts";
import { TRACEPARENT, validTraceparent } from "../contract/traceparent.ts";
import { acceptAll } from "../requests/accept.ts";
import { maySendFor, notAllowed, requireSender, SENDER_ATTRIBUTE, senderOf } from "../requests/callers.ts";
import { type MessageContent, readMessage, unreadableMessage } from "../requests/message.ts";
import { refuse, respondsOnQueue } from "../requests/refuse.ts";
import { hasJob } from "../requests/repeat.ts";
import { deliverResponses } from "../requests/responses.ts";
import type { DueResponse } from "../store/jobs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { schedule } from "./schedule.ts";

/** Maximum size of a message: its text, and its attributes' names, types and values (SQS API reference, SendMessage). */
const MESSAGE_BYTES = 1_048_576;

/** Maximum length of a dead letter's reason. Characters. */
const REASON_LENGTH = 1_000;
/**
 * Receive count from which a message becomes a dead letter if its handling fails unexpectedly. All receives count, but
 * a failure caused by an outage or a throttle leaves the message in the queue.
 */
export const UNEXPECTED_RECEIVES = 5;
/** Delay of a request whose tenant has too many waiting jobs; doubled with each receive. Seconds. */
const MIN_DEFER_SECONDS = 5;
const MAX_DEFER_SECONDS = 900;
const OUTAGES: ReadonlySet<ErrorCode> = new Set([
  "Busy",
  "DatabaseUnavailable",
  "Interrupted",
  "SerializationConflict",
  "StorageUnavailable",
]);

/** A message and its content. */
type ParsedRecord = MessageContent & {
  record: SQSRecord;
  /** The sender's id. */
  sender: string;
  /** True if the sender may send for the tenant. If not, the tenant's queue gets no response. */
  isTenantAllowed: boolean;
  traceparent: string | undefined;
};

/**
 * Handles the request queue: every message becomes a job, a response, or a dead letter with its reason, and is deleted
 * only when that is committed. A message that fails stays in the queue and does not block others.
 * @throws when the database is unavailable and no message was handled. Lambda then polls more slowly, which uses up few
 * receives. If all messages were reported as failed, the next batch would follow at once (AWS Lambda Developer Guide,
 * SQS, backoff strategy for failed invocations).
 */
export async function handleRequests(context: DispatcherDeps, event: SQSEvent): Promise<SQSBatchResponse> {
  const failures = new Set<string>();
  const parsed = event.Records.map((record) => identify(context, { record, ...readMessage(record.body) }));
  const valid = parsed.filter(
    (parsedRecord) => parsedRecord.problem === undefined && parsedRecord.requestId !== undefined,
  );

  await Promise.all(
    parsed
      .filter((parsedRecord) => !valid.includes(parsedRecord))
      .map((parsedRecord) =>
        sendToDeadLetterQueue(context, parsedRecord).catch((error) =>
          fail(context, failures, parsedRecord.record, error),
        ),
      ),
  );
  const error = await acceptBatch(context, failures, valid);
  if (error !== undefined && failures.size === event.Records.length) throw error;
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
}

/**
 * Accepts requests together. If that fails, accepts each by itself, since one of them may be the cause (for example an
 * S3 object that cannot be read now).
 * @returns The error if the database is or becomes unavailable.
 */
async function acceptBatch(
  context: DispatcherDeps,
  failures: Set<string>,
  valid: readonly ParsedRecord[],
): Promise<unknown> {
  try {
    const outcomes = await acceptAll(
      { ...context, channel: "queue" },
      valid.map(({ record, value, isParsed, requestId = "", tenant, problems, sender, traceparent }) => ({
        value,
        ...(isParsed ? {} : { unparsed: record.body }),
        requestId,
        tenant,
        problems,
        traceparent,
        authorize: (request) => requireSender(context.settings, sender, request.tenant, request.task.type),
      })),
    );
    await deliver(
      context,
      outcomes.flatMap((outcome) => outcome.send),
    );
    await Promise.all(
      outcomes.map(async ({ outcome }, index) => {
        const validRecord = valid[index];
        if (outcome === "FULL" && validRecord) await defer(context, failures, validRecord);
      }),
    );
    if (outcomes.some((outcome) => outcome.outcome === "ACCEPTED"))
      // A failure loses nothing: the jobs are committed, and the next tick starts their runs.
      await schedule(context).catch((error) => context.log.warn({ error: String(error) }, "no runs could be started"));
  } catch (error) {
    const { code } = classify(error);
    const isUnavailable = code === "DatabaseUnavailable" || code === "Interrupted";
    if (!isUnavailable && valid.length > 1) {
      let unavailable: unknown;
      for (const validRecord of valid)
        unavailable = (await acceptBatch(context, failures, [validRecord])) ?? unavailable;
      return unavailable;
    }
    for (const validRecord of valid) {
      if (OUTAGES.has(code) || Number(validRecord.record.attributes.ApproximateReceiveCount) < UNEXPECTED_RECEIVES)
        fail(context, failures, validRecord.record, error);
      else await moveToDeadLetters(context, failures, validRecord, error);
    }
    return isUnavailable ? error : undefined;
  }
  return undefined;
}

/**
 * Leaves a request in the queue while its tenant has too many waiting jobs. Its delay grows, so that a full tenant does
 * not keep the dispatcher busy, and the message expires before it reaches the queue's maximum receive count.
 */
async function defer(
  { sqs, queues, log }: DispatcherDeps,
  failures: Set<string>,
  { record, tenant }: ParsedRecord,
): Promise<void> {
  failures.add(record.messageId);
  const receives = Number(record.attributes.ApproximateReceiveCount);
  const VisibilityTimeout = Math.min(MAX_DEFER_SECONDS, MIN_DEFER_SECONDS * 2 ** Math.min(receives - 1, 10));
  const command = new ChangeMessageVisibilityCommand({
    QueueUrl: queues.requests,
    ReceiptHandle: record.receiptHandle,
    VisibilityTimeout,
  });
  log.info({ messageId: record.messageId, tenant, seconds: VisibilityTimeout }, "the tenant has too many jobs waiting");
  // If this fails, the queue's visibility timeout applies.
  await sqs.send(command).catch((error) => log.warn({ error: String(error) }, "a message could not be deferred"));
}

/** Moves a request whose handling keeps failing to the dead-letter queue; `rates redrive` requeues it. */
async function moveToDeadLetters(
  context: DispatcherDeps,
  failures: Set<string>,
  parsedRecord: ParsedRecord,
  error: unknown,
): Promise<void> {
  const receives = parsedRecord.record.attributes.ApproximateReceiveCount;
  const reason = `handling it failed, most recently in receive ${receives}: ${(error as Error).message}`;
  const problem = new JobError("Internal", { reason }, { cause: error });
  await sendToDeadLetterQueue(context, { ...parsedRecord, problem }).catch((thrown) =>
    fail(context, failures, parsedRecord.record, thrown),
  );
}

/** Sends due responses. Responses that cannot be sent stay due for the next tick. */
export async function deliver({ sqs, queues, db, log }: DispatcherDeps, due: readonly DueResponse[]): Promise<void> {
  // Responses that were sent but not recorded are sent again.
  const failed = await deliverResponses(sqs, queues, db, due).catch((error) => [{ error }]);
  if (failed.length > 0)
    log.warn(
      { failed: failed.length, error: String(failed[0]?.error) },
      "responses could not be sent or recorded; the next tick will send them",
    );
}

/**
 * Adds the sender and the trace context of the message. A message for a tenant that its sender may not use is invalid,
 * and gets no response.
 */
function identify(
  { settings }: DispatcherDeps,
  parsed: Omit<ParsedRecord, "sender" | "isTenantAllowed" | "traceparent">,
): ParsedRecord {
  const { record, tenant } = parsed;
  const restored = record.messageAttributes[SENDER_ATTRIBUTE]?.stringValue;
  const sender = senderOf(settings, record.attributes.SenderId, restored);
  const isTenantAllowed = maySendFor(settings, sender, tenant);
  const traceparent = validTraceparent(record.messageAttributes[TRACEPARENT]?.stringValue);
  return {
    ...parsed,
    sender,
    isTenantAllowed,
    traceparent,
    ...(isTenantAllowed ? {} : { problem: notAllowed(sender, tenant) }),
  };
}

/**
 * Moves a message to the dead-letter queue with the reason, and responds if possible. Afterwards the original may be
 * deleted.
 */
async function sendToDeadLetterQueue(context: DispatcherDeps, parsedRecord: ParsedRecord): Promise<void> {
  const { record, value, requestId, tenant, problem, sender, isTenantAllowed, traceparent } = parsedRecord;
  const error = problem ?? unreadableMessage("it has no usable requestId");
  const attributes = {
    errorType: error.code,
    reason: attributeText(error.message),
    ...(requestId ? { requestId, tenant } : {}),
    // Keeps the sender, so that a requeued dead letter still belongs to it.
    ...(sender ? { [SENDER_ATTRIBUTE]: attributeText(sender) } : {}),
    ...(traceparent === undefined ? {} : { [TRACEPARENT]: traceparent }),
  };
  await context.sqs.send(
    new SendMessageCommand({
      QueueUrl: context.queues.deadLetters,
      MessageBody: truncateToLimit(record.body, attributes),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
      ),
    }),
  );
  context.log.warn({ messageId: record.messageId, requestId, sender }, `dead letter: ${error.message}`);
  const mayRespond = isTenantAllowed && respondsOnQueue({ channel: "queue" }, value);
  // A FAILED response under the id of an existing job would contradict that job's response.
  if (requestId !== undefined && mayRespond && !(await hasJob(context.db, tenant, requestId)))
    await deliver(context, [await refuse(context.db, { tenant, requestId, traceparent }, error, record.body)]);
}

/** Converts text to a valid value of an SQS attribute: not empty, without control characters. */
const attributeText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: SQS refuses these
  cutText(text, REASON_LENGTH).replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, "\uFFFD") || "unknown";

/** Truncates a message's text so that it and the attributes fit SQS's maximum. */
function truncateToLimit(body: string, attributes: Record<string, string>): string {
  const attributeParts = Object.entries(attributes)
    .flat()
    .concat(Object.keys(attributes).map(() => "String"));
  const maxBytes = MESSAGE_BYTES - Buffer.byteLength(attributeParts.join(""));
  if (Buffer.byteLength(body) <= maxBytes) return body;
  // A split character becomes U+FFFD, which is removed.
  return Buffer.from(body)
    .subarray(0, maxBytes - 3)
    .toString()
    .replace(/\uFFFD$/, "");
}

function fail(context: DispatcherDeps, failures: Set<string>, record: SQSRecord, error: unknown): void {
  failures.add(record.messageId);
  context.log.error({ messageId: record.messageId, error: String(error) }, "the message stays in the queue");
}
