import { ChangeMessageVisibilityCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { cutText } from "../contract/bounds.ts";
import { classify } from "../contract/classify.ts";
import { type ErrorCode, JobError } from "../contract/errors.ts";
import { TRACEPARENT, validTraceparent } from "../contract/traceparent.ts";
import { acceptAll, refuse } from "../requests/accept.ts";
import { maySendFor, notAllowed, requireSender, SENDER_ATTRIBUTE, senderOf } from "../requests/callers.ts";
import { type MessageContent, readMessage } from "../requests/message.ts";
import { hasJob } from "../requests/repeat.ts";
import { deliverResponses } from "../requests/responses.ts";
import type { DueResponse } from "../store/jobs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { schedule } from "./schedule.ts";

/** SQS's size of a message: its text, and names, types and values of its attributes (SendMessage API reference). */
const MESSAGE_BYTES = 1_048_576;

/** A dead letter's reason. Characters. */
const REASON_LENGTH = 1_000;
/**
 * Receives after which a message goes to the dead-letter queue whose handling fails for an unexpected reason. Outages and
 * throttles do not count as such: what they keep from being accepted stays in the queue.
 */
export const UNEXPECTED_RECEIVES = 5;
/** Seconds that a request stays in the queue when its tenant has too many waiting jobs: doubled with each receive. */
const MIN_DEFER_SECONDS = 5;
const MAX_DEFER_SECONDS = 900;
const OUTAGES: ReadonlySet<ErrorCode> = new Set([
  "DatabaseUnavailable",
  "Interrupted",
  "SerializationConflict",
  "StorageUnavailable",
]);

/** A message and its content. */
type ParsedRecord = MessageContent & {
  record: SQSRecord;
  /** Id of the sender, and whether it may send for this tenant: else nothing is answered on the tenant's queue. */
  sender: string;
  isOwnTenant: boolean;
  traceparent: string | undefined;
};

/**
 * The request queue's handler: every message becomes a job, an answer, or a dead letter with its reason, and leaves the
 * queue only when that is committed. A message that fails here stays in the queue and blocks no other.
 * @throws where the database is away and nothing of the batch was done: to Lambda a batch of failed messages is work well
 * done, and it brings the next at once; after a failed invocation it brings fewer, until they succeed again (AWS Lambda
 * Developer Guide, SQS, backoff strategy for failed invocations). So an outage slows the queue, and uses up few receives.
 */
export async function handleRequests(context: DispatcherDeps, event: SQSEvent): Promise<SQSBatchResponse> {
  const failures = new Set<string>();
  const opened = event.Records.map((record) => identify(context, { record, ...readMessage(record.body) }));
  const valid = opened.filter((one) => one.problem === undefined && one.requestId !== undefined);

  await Promise.all(
    opened
      .filter((one) => !valid.includes(one))
      .map((one) => sendToDeadLetterQueue(context, one).catch((error) => fail(context, failures, one.record, error))),
  );
  const error = await acceptBatch(context, failures, valid);
  if (error !== undefined && failures.size === event.Records.length) throw error;
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
}

/**
 * Takes requests in, together; where that fails, each by itself, since it may be the fault of one (whose object S3 does not
 * show now) and must not be the others'. Answers the error where the database is away, for all of them.
 */
async function acceptBatch(
  context: DispatcherDeps,
  failures: Set<string>,
  valid: readonly ParsedRecord[],
): Promise<unknown> {
  try {
    const outcomes = await acceptAll(
      { ...context, source: "queue" },
      valid.map(({ record, value, isParsed, requestId = "", tenant, problems, sender, traceparent }) => ({
        value,
        ...(isParsed ? {} : { unparsed: record.body }),
        requestId,
        tenant,
        problems,
        traceparent,
        authorise: (request) => requireSender(context.settings, sender, request.tenant, request.task.type),
      })),
    );
    await deliver(
      context,
      outcomes.flatMap((outcome) => outcome.send),
    );
    await Promise.all(
      outcomes.map(async ({ outcome }, index) => {
        const one = valid[index];
        if (outcome === "FULL" && one) await defer(context, failures, one);
      }),
    );
    if (outcomes.some((outcome) => outcome.outcome === "ACCEPTED"))
      // The jobs are committed: the next tick starts what this could not.
      await schedule(context).catch((error) => context.log.warn({ error: String(error) }, "no runs could be started"));
  } catch (error) {
    const { code } = classify(error);
    const isAway = code === "DatabaseUnavailable" || code === "Interrupted";
    if (!isAway && valid.length > 1) {
      for (const one of valid) await acceptBatch(context, failures, [one]);
      return undefined;
    }
    for (const one of valid) {
      if (OUTAGES.has(code) || Number(one.record.attributes.ApproximateReceiveCount) < UNEXPECTED_RECEIVES)
        fail(context, failures, one.record, error);
      else await giveUp(context, failures, one, error);
    }
    return isAway ? error : undefined;
  }
  return undefined;
}

/**
 * Leaves a request in the queue whose tenant has too many jobs waiting. It is hidden for longer each time, so that a full
 * tenant does not keep the dispatcher busy, and so that a message reaches the queue's retention before its receive count.
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
  // Without it the queue's own visibility timeout applies.
  await sqs.send(command).catch((error) => log.warn({ error: String(error) }, "a message could not be deferred"));
}

/** A request whose handling fails again and again for a reason of its own: a dead letter, which `rates redrive` puts back. */
async function giveUp(
  context: DispatcherDeps,
  failures: Set<string>,
  one: ParsedRecord,
  error: unknown,
): Promise<void> {
  const reason = `it could not be handled in ${UNEXPECTED_RECEIVES} attempts: ${(error as Error).message}`;
  const problem = new JobError("Internal", { reason }, { cause: error });
  await sendToDeadLetterQueue(context, { ...one, problem }).catch((thrown) =>
    fail(context, failures, one.record, thrown),
  );
}

/** Sends what is due now; what cannot be sent stays due for the next tick. */
export async function deliver({ sqs, queues, db, log }: DispatcherDeps, due: readonly DueResponse[]): Promise<void> {
  // Sent and not recorded, they are sent again: the database may be away for the recording alone.
  const failed = await deliverResponses(sqs, queues, db, due).catch((error) => [{ error }]);
  if (failed.length > 0)
    log.warn(
      { failed: failed.length, error: String(failed[0]?.error) },
      "responses could not be sent or recorded; the next tick will send them",
    );
}

/** Adds the sender of the message. A message for a tenant that is not its sender's is invalid, and gets no answer. */
function identify(
  { settings }: DispatcherDeps,
  opened: Omit<ParsedRecord, "sender" | "isOwnTenant" | "traceparent">,
): ParsedRecord {
  const { record, tenant } = opened;
  const restored = record.messageAttributes[SENDER_ATTRIBUTE]?.stringValue;
  const sender = senderOf(settings, record.attributes.SenderId, restored);
  const isOwnTenant = maySendFor(settings, sender, tenant);
  const traceparent = validTraceparent(record.messageAttributes[TRACEPARENT]?.stringValue);
  return {
    ...opened,
    sender,
    isOwnTenant,
    traceparent,
    ...(isOwnTenant ? {} : { problem: notAllowed(sender, tenant) }),
  };
}

/** To the dead-letter queue with the reason, and an answer where one can be addressed; only then it may leave the queue. */
async function sendToDeadLetterQueue(context: DispatcherDeps, one: ParsedRecord): Promise<void> {
  const { record, requestId, tenant, problem, sender, isOwnTenant, traceparent } = one;
  const error = problem ?? new JobError("UnreadableMessage", { reason: "it has no usable requestId" });
  const attributes = {
    errorType: error.code,
    reason: attributeText(error.message),
    ...(requestId ? { requestId, tenant } : {}),
    // So that a dead letter that is put back is still its sender's.
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
  // Under an id that has a job a FAILED would contradict that job's own response.
  if (requestId !== undefined && isOwnTenant && !(await hasJob(context.db, tenant, requestId)))
    await deliver(context, [await refuse(context.db, { tenant, requestId, traceparent }, error, record.body)]);
}

/** Text as SQS takes it in an attribute: without control characters, and never empty. */
const attributeText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: SQS refuses these
  cutText(text, REASON_LENGTH).replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, "\uFFFD") || "unknown";

/** A message's text, truncated to fit SQS's maximum beside the attributes, so that the reason fits. */
function truncateToLimit(body: string, attributes: Record<string, string>): string {
  const beside = Object.entries(attributes)
    .flat()
    .concat(Object.keys(attributes).map(() => "String"));
  const room = MESSAGE_BYTES - Buffer.byteLength(beside.join(""));
  if (Buffer.byteLength(body) <= room) return body;
  // A character that was cut through becomes U+FFFD.
  return Buffer.from(body)
    .subarray(0, room - 3)
    .toString()
    .replace(/\uFFFD$/, "");
}

function fail(context: DispatcherDeps, failures: Set<string>, record: SQSRecord, error: unknown): void {
  failures.add(record.messageId);
  context.log.error({ messageId: record.messageId, error: String(error) }, "the message stays in the queue");
}
