import Type from "typebox";
import { LIMITS } from "../../infra/limits/limits.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { ALIAS, EVENT_SOURCE, FUNCTION, QUEUE, REDRIVE_POLICY } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

const SQS = documented("Amazon SQS API Reference, SetQueueAttributes");
const LAMBDA_SQS = documented("AWS Lambda Developer Guide, Using Lambda with Amazon SQS");

/** Returns the function that an event source mapping invokes, directly or through an alias. */
export const functionOf = (mapping: Resource): Resource | undefined =>
  [
    ...mapping.links("functionName", FUNCTION),
    ...mapping.links("functionName", ALIAS).flatMap((alias) => alias.links("functionName", FUNCTION)),
  ][0];

/** Returns true if a mapping's source is the literal ARN of a queue instead of a resource's output. */
function isOfQueue(mapping: Resource): boolean {
  if (mapping.dependsOnResources("eventSourceArn")) return false;
  const arn = mapping.at("eventSourceArn").text("");
  return arn !== UNRESOLVED && arn.includes(":sqs:");
}

/** Returns each queue that has a dead-letter queue, from its own redrivePolicy or a separate RedrivePolicy resource. */
const redrives = (stack: Stack): { source: Resource; deadLetterQueue: Resource }[] => [
  ...stack
    .of(QUEUE)
    .flatMap((source) => source.links("redrivePolicy", QUEUE).map((deadLetterQueue) => ({ source, deadLetterQueue }))),
  ...stack
    .of(REDRIVE_POLICY)
    .flatMap((policy) =>
      policy
        .links("queueUrl", QUEUE)
        .flatMap((source) =>
          policy.links("redrivePolicy", QUEUE).map((deadLetterQueue) => ({ source, deadLetterQueue })),
        ),
    ),
];

/** A message must be hidden for as long as a function may process it; otherwise two invocations process it at once. */
export const visibilityCoversFunction = stackRule({
  name: "sqs-visibility-covers-function",
  description:
    "A queue hides its messages for six times the timeout of the function that reads it, plus the batch window.",
  framework: LAMBDA_SQS,
  remediation: "Raise the queue's visibilityTimeoutSeconds, or lower the function's timeout.",
  settings: {
    factor: Type.Number({
      minimum: 1,
      default: 6,
      description: "required visibility timeout, in multiples of the function's timeout",
    }),
  },
  check(stack, report, { factor }) {
    for (const mapping of stack.of(EVENT_SOURCE)) {
      const target = functionOf(mapping);
      const queues = mapping.links("eventSourceArn", QUEUE);
      if (queues.length === 0 && isOfQueue(mapping))
        report(
          mapping,
          "the queue that it reads is unknown: set eventSourceArn to the arn output of the queue (aws.sqs.Queue.get returns a queue of another program).",
        );
      for (const queue of queues) {
        if (target === undefined) {
          report(
            mapping,
            "the function that it invokes is unknown: set functionName to the name or ARN output of the function or its alias.",
          );
          continue;
        }
        const timeout = target.at("timeout").number(3);
        const window = mapping.at("maximumBatchingWindowInSeconds").number(0);
        const visibility = queue.at("visibilityTimeoutSeconds").number(LIMITS.sqsVisibilityDefault.value);
        if (timeout === UNRESOLVED || window === UNRESOLVED || visibility === UNRESOLVED) continue;
        const required = factor * timeout + window;
        if (visibility < required)
          report(
            queue,
            `visibilityTimeoutSeconds is ${visibility}, ${required - visibility} s less than ${factor} × the timeout of ${target.name} (${timeout} s) and its batch window (${window} s): set it to ${required} or more.`,
          );
      }
    }
  },
});

/** Throttled invocations use receives too: with few receives, valid messages move to the dead-letter queue. */
export const receivesBeforeDeadLetter = resourceRule({
  name: "sqs-receives-before-dead-letter",
  description: "A message is received at least five times before it moves to the dead-letter queue.",
  framework: LAMBDA_SQS,
  remediation: "Raise maxReceiveCount in the queue's redrivePolicy.",
  mayBeUnknown: ["redrivePolicy"],
  types: [QUEUE, REDRIVE_POLICY],
  settings: { least: Type.Integer({ minimum: 1, default: 5, description: "minimum number of receives" }) },
  check(queue, report, { least }) {
    const policy = queue.at("redrivePolicy");
    const receives = policy.at("maxReceiveCount").number(undefined);
    if (receives === UNRESOLVED || policy.isAbsent) return;
    if (receives === undefined) report(queue, `redrivePolicy names no maxReceiveCount: set it to ${least} or more.`);
    else if (receives < least)
      report(
        queue,
        `maxReceiveCount is ${receives}, ${least - receives} less than the minimum of ${least}: throttles would use it up. Raise it.`,
      );
  },
});

/** A message keeps its age in the dead-letter queue, and expires there as if it had never moved. */
export const deadLetterRetention = stackRule({
  name: "sqs-dead-letter-retention",
  description: "A dead-letter queue keeps messages longer than their source queue.",
  framework: documented("Amazon SQS Developer Guide, Using dead-letter queues"),
  remediation: "Raise messageRetentionSeconds of the dead-letter queue, up to 14 days, or lower that of its source.",
  check(stack, report) {
    const defaultRetention = LIMITS.sqsRetentionDefault.value;
    for (const { source, deadLetterQueue } of redrives(stack)) {
      const sourceRetention = source.at("messageRetentionSeconds").number(defaultRetention);
      const deadLetterQueueRetention = deadLetterQueue.at("messageRetentionSeconds").number(defaultRetention);
      if (
        sourceRetention === UNRESOLVED ||
        deadLetterQueueRetention === UNRESOLVED ||
        deadLetterQueueRetention > sourceRetention
      )
        continue;
      report(
        deadLetterQueue,
        `messageRetentionSeconds is ${deadLetterQueueRetention}, not more than the ${sourceRetention} of ${source.name}, whose messages keep their age: raise it.`,
      );
    }
  },
});

/** For example, a response from Friday must be kept until Monday. */
export const responseRetention = stackRule({
  name: "sqs-response-retention",
  description:
    "A queue that is neither a function's source nor a dead-letter queue keeps messages at least as long as its readers may be absent.",
  framework: SQS,
  remediation: "Raise messageRetentionSeconds of the queue.",
  settings: {
    seconds: Type.Integer({
      minimum: 60,
      default: LIMITS.sqsRetentionDefault.value,
      description: "maximum time for which readers may be absent, in seconds",
    }),
  },
  check(stack, report, { seconds }) {
    const deadLetterQueues = new Set(redrives(stack).map((redrive) => redrive.deadLetterQueue));
    const sources = new Set(stack.of(EVENT_SOURCE).flatMap((mapping) => mapping.links("eventSourceArn", QUEUE)));
    for (const queue of stack.of(QUEUE)) {
      if (deadLetterQueues.has(queue) || sources.has(queue)) continue;
      const retention = queue.at("messageRetentionSeconds").number(LIMITS.sqsRetentionDefault.value);
      if (retention !== UNRESOLVED && retention < seconds)
        report(
          queue,
          `messageRetentionSeconds is ${retention}, ${seconds - retention} s less than the maximum absence of its readers (${seconds} s): raise it.`,
        );
    }
  },
});

const range = (min: number, max: number, unit: string) => ({ min, max, unit });
/** Bounds of SQS, by property. */
const QUEUE_LIMITS = {
  visibilityTimeoutSeconds: range(0, LIMITS.sqsVisibilityMax.value, "s"),
  messageRetentionSeconds: range(LIMITS.sqsRetentionMin.value, LIMITS.sqsRetentionMax.value, "s"),
  maxMessageSize: range(1024, LIMITS.sqsMessage.value, "bytes"),
  receiveWaitTimeSeconds: range(0, 20, "s"),
  delaySeconds: range(0, 900, "s"),
};

/** SQS refuses a queue beyond these bounds only during the update, when other resources are already created. */
export const queueLimits = resourceRule({
  name: "sqs-limits",
  description: "A queue's visibility, retention, message size, wait and delay are within SQS's bounds.",
  framework: SQS,
  remediation: "Change the value to one within the named range.",
  types: [QUEUE],
  check(queue, report) {
    for (const [property, { min, max, unit }] of Object.entries(QUEUE_LIMITS)) {
      const value = queue.at(property).number(undefined);
      if (value === UNRESOLVED || value === undefined || (value >= min && value <= max)) continue;
      const difference =
        value < min
          ? `${min - value} ${unit} less than SQS's minimum`
          : `${value - max} ${unit} more than SQS's maximum`;
      report(queue, `${property} is ${value}, ${difference}: set it between ${min} and ${max}.`);
    }
  },
});

export const QUEUE_RULES = [
  visibilityCoversFunction,
  receivesBeforeDeadLetter,
  deadLetterRetention,
  responseRetention,
  queueLimits,
];
