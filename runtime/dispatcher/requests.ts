import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { acceptAll, refuse } from "../jobs/accept.ts";
import { classify } from "../jobs/classify.ts";
import { JobError, type Problem } from "../jobs/errors.ts";
import { type Read, readJson } from "../jobs/json.ts";
import { DEFAULT_TENANT, requestIdPattern, tenantPattern } from "../jobs/request.ts";
import { sendResponse } from "../jobs/responses.ts";
import type { DueResponse } from "../jobs/store.ts";
import type { Context } from "./context.ts";
import { schedule } from "./schedule.ts";

/** What SQS takes in a message: its text, and names, types and values of its attributes (SendMessage API reference). */
const MESSAGE_BYTES = 1_048_576;

/** A message's content, if it can be read. `requestId` is undefined where no answer can be addressed. */
type Opened = {
  record: SQSRecord;
  value: unknown;
  requestId: string | undefined;
  tenant: string;
  /** Why it is no request. */
  problem: JobError | undefined;
  /** What its text leaves open, though it is one. */
  problems: Problem[];
};

/**
 * The request queue's handler: every message becomes a job, an answer, or a dead letter with its reason, and leaves the
 * queue only when that is committed. A message that fails here stays in the queue and blocks no other.
 * @throws where the database is away and nothing of the batch was done: to Lambda a batch of failed messages is work well
 * done, and it brings the next at once; after a failed invocation it brings fewer, until they succeed again (AWS Lambda
 * Developer Guide, SQS, backoff strategy for failed invocations). So an outage slows the queue, and uses up few receives.
 */
export async function onRequests(context: Context, event: SQSEvent): Promise<SQSBatchResponse> {
  const failures = new Set<string>();
  const opened = event.Records.map(open);
  const sound = opened.filter((one) => one.problem === undefined && one.requestId !== undefined);

  await Promise.all(
    opened
      .filter((one) => !sound.includes(one))
      .map((one) => bury(context, one).catch((error) => fail(context, failures, one.record, error))),
  );
  const error = await takeIn(context, failures, sound);
  if (error !== undefined && failures.size === event.Records.length) throw error;
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
}

/**
 * Takes requests in, together; where that fails, each by itself, since it may be the fault of one (whose object S3 does not
 * show now) and must not be the others'. Answers the error where the database is away, for all of them.
 */
async function takeIn(context: Context, failures: Set<string>, sound: readonly Opened[]): Promise<unknown> {
  try {
    const outcomes = await acceptAll(
      { ...context, source: "queue" },
      sound.map(({ value, requestId = "", tenant, problems }) => ({ value, requestId, tenant, problems })),
    );
    await deliver(
      context,
      outcomes.flatMap((outcome) => outcome.send),
    );
    if (outcomes.some((outcome) => outcome.outcome === "ACCEPTED")) await schedule(context);
  } catch (error) {
    const { code } = classify(error);
    const isAway = code === "DatabaseUnavailable" || code === "Interrupted";
    if (!isAway && sound.length > 1) {
      for (const one of sound) await takeIn(context, failures, [one]);
      return undefined;
    }
    for (const one of sound) fail(context, failures, one.record, error);
    return isAway ? error : undefined;
  }
  return undefined;
}

/** Sends what is due now; what cannot be sent stays due for the sweep. */
export async function deliver({ sqs, queues, db, log }: Context, due: readonly DueResponse[]): Promise<void> {
  const results = await Promise.allSettled(due.map((response) => sendResponse(sqs, queues, db, response)));
  for (const result of results)
    if (result.status === "rejected")
      log.warn({ error: String(result.reason) }, "a response could not be sent; the sweep will");
}

function open(record: SQSRecord): Opened {
  let read: Read;
  try {
    read = readJson(record.body);
  } catch (error) {
    // Cut off or malformed: an id that stands near its beginning still tells whom to answer.
    const requestId = /"requestId"\s*:\s*"([^"\\]*)"/.exec(record.body)?.[1];
    const tenant = /"tenant"\s*:\s*"([^"\\]*)"/.exec(record.body)?.[1];
    return {
      record,
      value: undefined,
      ...usable(requestId, tenant),
      problem: new JobError("UnreadableMessage", { reason: (error as Error).message }),
      problems: [],
    };
  }
  const { value, problems } = read;
  const { requestId, tenant } = (value ?? {}) as { requestId?: unknown; tenant?: unknown };
  // Whom to answer has to be certain: of two ids, or two tenants, neither is.
  const twice = problems.find(({ field }) => field === "requestId" || field === "tenant")?.field;
  const found = twice ? usable(undefined, undefined) : usable(requestId, tenant);
  const reason = twice ? `its ${twice} stands there more than once` : "it has no usable requestId";
  return {
    record,
    value,
    ...found,
    problem: found.requestId === undefined ? new JobError("UnreadableMessage", { reason }) : undefined,
    problems,
  };
}

const usable = (requestId: unknown, tenant: unknown) => ({
  requestId: typeof requestId === "string" && requestIdPattern.test(requestId) ? requestId : undefined,
  tenant: typeof tenant === "string" && tenantPattern.test(tenant) ? tenant : DEFAULT_TENANT,
});

/** To the dead-letter queue with the reason, and an answer where one can be addressed; only then it may leave the queue. */
async function bury(context: Context, { record, requestId, tenant, problem }: Opened): Promise<void> {
  const error = problem ?? new JobError("UnreadableMessage", { reason: "it has no usable requestId" });
  const attributes = {
    errorType: error.code,
    reason: error.message,
    ...(requestId ? { requestId, tenant } : {}),
  };
  await context.sqs.send(
    new SendMessageCommand({
      QueueUrl: context.queues.deadLetters,
      MessageBody: fitted(record.body, attributes),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
      ),
    }),
  );
  context.log.warn({ messageId: record.messageId, requestId }, `dead letter: ${error.message}`);
  if (requestId !== undefined)
    await deliver(context, [await refuse(context.db, tenant, requestId, error, record.body)]);
}

/** A message's text, or so much of it as SQS takes beside attributes: what is no request is worth its reason, not its end. */
function fitted(body: string, attributes: Record<string, string>): string {
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

function fail(context: Context, failures: Set<string>, record: SQSRecord, error: unknown): void {
  failures.add(record.messageId);
  context.log.error({ messageId: record.messageId, error: String(error) }, "the message stays in the queue");
}
