import { reservableExecutions, shareOf } from "../../infra/limits/capacity.ts";
import { LIMITS } from "../../infra/limits/limits.ts";
import { fractionOf, quotaShare, quotas } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { EVENT_SOURCE, FUNCTION, QUEUE } from "../types.ts";
import { UNRESOLVED, type Unresolved } from "../value.ts";
import { functionOf } from "./queues.ts";

const LAMBDA = documented("AWS Lambda Developer Guide, Lambda quotas");
const SCALING = "scalingConfig.maximumConcurrency";

/** Event source mapping of a queue, with the function that it invokes and its maximum concurrency. */
interface QueueMapping {
  mapping: Resource;
  target: Resource | undefined;
  concurrency: number | undefined | Unresolved;
}

const queueMappings = (stack: Stack): QueueMapping[] =>
  stack
    .of(EVENT_SOURCE)
    .filter((mapping) => mapping.links("eventSourceArn", QUEUE).length > 0)
    .map((mapping) => ({ mapping, target: functionOf(mapping), concurrency: mapping.at(SCALING).number(undefined) }));

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/**
 * Batches beyond the reserved or unreserved concurrency are throttled. Each throttled delivery counts as a receive of
 * its messages, so they reach the dead-letter queue sooner.
 */
export const eventSourceConcurrency = stackRule({
  name: "lambda-event-source-concurrency",
  description:
    "Queues deliver at most as many batches at once as their function has reserved executions; if it has none, at most as many as other functions have not reserved.",
  framework: documented("AWS Lambda Developer Guide, Configuring maximum concurrency for Amazon SQS event sources"),
  remediation: "Lower the mappings' scalingConfig.maximumConcurrency, or reserve more for the function.",
  settings: quotas("lambdaConcurrency", "share"),
  check(stack, report, settings) {
    const all = queueMappings(stack);
    for (const { mapping, concurrency } of all)
      if (concurrency === undefined)
        report(mapping, `${SCALING} is not set, so Lambda processes up to 1,000 batches at once: set it.`);
    const { quota, share, source } = quotaShare("lambdaConcurrency", settings);
    let remaining = shareOf(quota, share);
    const unreserved: { mapping: Resource; concurrency: number }[] = [];
    for (const target of stack.of(FUNCTION)) {
      const reserved = target.at("reservedConcurrentExecutions").number(-1);
      if (reserved === UNRESOLVED) continue;
      const mappings = all.flatMap(({ mapping, target: invoked, concurrency }) =>
        invoked === target && typeof concurrency === "number" ? [{ mapping, concurrency }] : [],
      );
      if (reserved === -1) {
        unreserved.push(...mappings);
        continue;
      }
      remaining -= reserved;
      const total = sumOf(mappings.map(({ concurrency }) => concurrency));
      if (total > reserved)
        report(
          target,
          `its queues may deliver ${total} batches at once (${mappings.map(({ mapping }) => mapping.name).join(", ")}), ${total - reserved} more than its ${reserved} reserved executions: lower their ${SCALING}, or reserve more.`,
        );
    }
    const unreservedTotal = sumOf(unreserved.map(({ concurrency }) => concurrency));
    const largest = unreserved.toSorted((a, b) => b.concurrency - a.concurrency)[0];
    const left = Math.max(0, remaining);
    if (largest !== undefined && unreservedTotal > left)
      report(
        largest.mapping,
        `queues may deliver ${unreservedTotal} batches at once to functions without a reservation, ${unreservedTotal - left} more than the ${left} executions that reservations leave of ${source}: lower ${SCALING} (${largest.concurrency} here), or have the quota raised.`,
      );
  },
});

/**
 * Lambda refuses a mapping beyond these bounds. Without partial batch responses, one failed message returns the whole
 * batch to the queue.
 */
export const eventSourceLimits = stackRule({
  name: "lambda-event-source-limits",
  description:
    "A queue's mapping has a maximum concurrency between 2 and 1,000, and reports failed messages individually.",
  framework: documented("AWS Lambda API Reference, CreateEventSourceMapping"),
  remediation:
    "Set scalingConfig.maximumConcurrency between 2 and 1,000, and functionResponseTypes to ReportBatchItemFailures.",
  check(stack, report) {
    const [min, max] = [LIMITS.eventSourceConcurrencyMin.value, LIMITS.eventSourceConcurrencyMax.value];
    for (const { mapping, concurrency } of queueMappings(stack)) {
      if (typeof concurrency === "number" && (concurrency < min || concurrency > max))
        report(mapping, `${SCALING} is ${concurrency}: Lambda accepts ${min} to ${max}.`);
      const batch = mapping.at("batchSize").number(10);
      const responseTypes = mapping.at("functionResponseTypes").texts();
      if (
        batch !== UNRESOLVED &&
        batch > 1 &&
        responseTypes !== UNRESOLVED &&
        !responseTypes.includes("ReportBatchItemFailures")
      )
        report(
          mapping,
          `functionResponseTypes are not set, so one failed message of ${batch} returns all of them: set ReportBatchItemFailures.`,
        );
    }
  },
});

/** The concurrency that a function reserves is not available to other functions. */
export const reservedConcurrency = stackRule({
  name: "lambda-reserved-concurrency",
  description:
    "All functions together reserve no more than the program's share of the executions beyond the 100 that AWS keeps unreserved.",
  framework: LAMBDA,
  remediation:
    "Lower reservedConcurrentExecutions, or have quota L-B99A9384 raised and enter it in the stack's quotas.",
  settings: quotas("lambdaConcurrency", "share"),
  check(stack, report, settings) {
    const { quota, share } = quotaShare("lambdaConcurrency", settings);
    const reservable = reservableExecutions(quota, share);
    const reservations = stack.of(FUNCTION).flatMap((fn) => {
      const reserved = fn.at("reservedConcurrentExecutions").number(-1);
      return typeof reserved === "number" && reserved > 0 ? [{ fn, reserved }] : [];
    });
    const total = sumOf(reservations.map(({ reserved }) => reserved));
    const largest = reservations.toSorted((a, b) => b.reserved - a.reserved)[0];
    const unreserved = LIMITS.lambdaUnreserved.value;
    const maximum = fractionOf(share, `the ${Math.max(0, quota - unreserved)} that can be reserved`);
    if (largest !== undefined && total > reservable)
      report(
        largest.fn,
        `the program's functions reserve ${total} executions, ${total - reservable} more than ${maximum}, since AWS keeps ${unreserved} of the account's ${quota} unreserved: lower reservedConcurrentExecutions (${largest.reserved} here), or have quota ${LIMITS.lambdaConcurrency.quota.code} raised.`,
      );
  },
});

/** Lambda refuses values beyond these bounds. */
export const functionLimits = resourceRule({
  name: "lambda-limits",
  description:
    "A function's timeout is at most 900 s, its memory between 128 and 10,240 MB, its environment at most 4 KB.",
  framework: LAMBDA,
  remediation:
    "Change the value to one within the named range; pass more than 4 KB of settings to a function as a file.",
  mayBeUnknown: ["environment.variables"],
  types: [FUNCTION],
  check(fn, report) {
    const timeout = fn.at("timeout").number(3);
    if (timeout !== UNRESOLVED && timeout > LIMITS.lambdaTimeout.value)
      report(
        fn,
        `timeout is ${timeout} s, ${timeout - LIMITS.lambdaTimeout.value} s more than Lambda's maximum of ${LIMITS.lambdaTimeout.value}: lower it.`,
      );
    const memory = fn.at("memorySize").number(128);
    if (memory !== UNRESOLVED && (memory < 128 || memory > 10_240))
      report(fn, `memorySize is ${memory} MB: Lambda accepts 128 to 10240.`);
    const variables = fn.at("environment.variables");
    const keys = variables.keys();
    if (keys === UNRESOLVED) return;
    const entries = keys.map((key) => ({ key, value: variables.at(key).text("") }));
    if (entries.some(({ value }) => value === UNRESOLVED)) return;
    const bytes = entries.reduce((sum, { key, value }) => sum + Buffer.byteLength(`${key}${String(value)}`), 0);
    if (bytes > ENVIRONMENT_BYTES)
      report(
        fn,
        `environment has ${bytes} bytes, ${bytes - ENVIRONMENT_BYTES} more than Lambda's maximum of ${ENVIRONMENT_BYTES}: pass settings as a file instead.`,
      );
  },
});
const ENVIRONMENT_BYTES = 4_096;

export const FUNCTION_RULES = [eventSourceConcurrency, eventSourceLimits, reservedConcurrency, functionLimits];
