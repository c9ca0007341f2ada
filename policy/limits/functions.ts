import { LIMITS } from "../../infra/limits/limits.ts";
import { allowed, quotas } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { EVENT_SOURCE, FUNCTION, QUEUE } from "../types.ts";
import { UNRESOLVED, type Unresolved } from "../value.ts";
import { functionOf } from "./queues.ts";

const LAMBDA = documented("AWS Lambda Developer Guide, Lambda quotas");
const SCALING = "scalingConfig.maximumConcurrency";

/** What a mapping of a queue to a function may have in hand at once. */
interface Reading {
  mapping: Resource;
  called: Resource | undefined;
  most: number | undefined | Unresolved;
}

const readings = (stack: Stack): Reading[] =>
  stack
    .of(EVENT_SOURCE)
    .filter((mapping) => mapping.links("eventSourceArn", QUEUE).length > 0)
    .map((mapping) => ({ mapping, called: functionOf(mapping), most: mapping.at(SCALING).number(undefined) }));

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** What SQS hands out beyond the reservation, or beyond what the account has left, is throttled, and comes back with a receive less. */
export const eventSourceConcurrency = stackRule({
  name: "lambda-event-source-concurrency",
  description:
    "All queues that a function reads hand it no more batches at once than it has reserved executions, else than the account has left.",
  framework: documented("AWS Lambda Developer Guide, Configuring maximum concurrency for Amazon SQS event sources"),
  remediation: "Lower the mappings' scalingConfig.maximumConcurrency, or reserve more for the function.",
  settings: quotas("lambdaConcurrency", "share"),
  check(stack, report, settings) {
    const all = readings(stack);
    for (const { mapping, most } of all)
      if (most === undefined)
        report(mapping, `${SCALING} is not set, so that SQS goes up to 1,000 batches at once: set it.`);
    let left = allowed("lambdaConcurrency", settings).limit;
    const unreserved: { mapping: Resource; most: number }[] = [];
    for (const called of stack.of(FUNCTION)) {
      const reserved = called.at("reservedConcurrentExecutions").number(-1);
      if (reserved === UNRESOLVED) continue;
      const own = all.flatMap(({ mapping, most, ...one }) =>
        one.called === called && typeof most === "number" ? [{ mapping, most }] : [],
      );
      if (reserved === -1) {
        unreserved.push(...own);
        continue;
      }
      left -= reserved;
      const together = sumOf(own.map(({ most }) => most));
      if (together > reserved)
        report(
          called,
          `its queues may hand it ${together} batches at once (${own.map(({ mapping }) => mapping.name).join(", ")}), ${together - reserved} more than the ${reserved} executions that it has reserved: lower their ${SCALING}, or reserve more.`,
        );
    }
    const together = sumOf(unreserved.map(({ most }) => most));
    const largest = unreserved.toSorted((a, b) => b.most - a.most)[0];
    if (largest !== undefined && together > left)
      report(
        largest.mapping,
        `queues may hand ${together} batches at once to functions that reserve nothing, ${together - left} more than the ${left} executions that the account has left for them: lower ${SCALING} (${largest.most} here), or have L-B99A9384 raised.`,
      );
  },
});

/** Lambda refuses a mapping beyond these bounds; and one failed message brings a whole batch back where nothing else is said. */
export const eventSourceLimits = stackRule({
  name: "lambda-event-source-limits",
  description:
    "A queue's mapping has a maximum concurrency between 2 and 1,000, and failed messages of a batch are told one by one.",
  framework: documented("AWS Lambda API Reference, CreateEventSourceMapping"),
  remediation:
    "Set scalingConfig.maximumConcurrency between 2 and 1,000, and functionResponseTypes to ReportBatchItemFailures.",
  check(stack, report) {
    const [least, limit] = [LIMITS.eventSourceConcurrencyMin.value, LIMITS.eventSourceConcurrencyMax.value];
    for (const { mapping, most } of readings(stack)) {
      if (typeof most === "number" && (most < least || most > limit))
        report(mapping, `${SCALING} is ${most}: Lambda takes ${least} to ${limit}.`);
      const batch = mapping.at("batchSize").number(10);
      const told = mapping.at("functionResponseTypes").texts();
      if (batch !== UNRESOLVED && batch > 1 && told !== UNRESOLVED && !told.includes("ReportBatchItemFailures"))
        report(
          mapping,
          `functionResponseTypes are not set, so that one failed message of ${batch} brings all of them back: set ReportBatchItemFailures.`,
        );
    }
  },
});

/** What one function reserves the others do not have. */
export const reservedConcurrency = stackRule({
  name: "lambda-reserved-concurrency",
  description: "All functions together reserve no more executions than the account has, and 100 are left for the rest.",
  framework: LAMBDA,
  remediation: "Lower reservedConcurrentExecutions, or have L-B99A9384 raised and say so in the stack's quotas.",
  settings: quotas("lambdaConcurrency", "share"),
  check(stack, report, settings) {
    const { limit, from } = allowed("lambdaConcurrency", settings);
    const free = Math.max(0, limit - LIMITS.lambdaUnreserved.value);
    const reserving = stack.of(FUNCTION).flatMap((one) => {
      const reserved = one.at("reservedConcurrentExecutions").number(-1);
      return typeof reserved === "number" && reserved > 0 ? [{ one, reserved }] : [];
    });
    const together = sumOf(reserving.map(({ reserved }) => reserved));
    const largest = reserving.toSorted((a, b) => b.reserved - a.reserved)[0];
    if (largest !== undefined && together > free)
      report(
        largest.one,
        `the program's functions reserve ${together} executions, ${together - free} more than ${from} less the ${LIMITS.lambdaUnreserved.value} that AWS keeps unreserved: lower reservedConcurrentExecutions (${largest.reserved} here), or have the quota raised.`,
      );
  },
});

/** Lambda refuses more. */
export const functionLimits = resourceRule({
  name: "lambda-limits",
  description:
    "A function's timeout is at most 900 s, its memory between 128 and 10,240 MB, its environment at most 4 KB.",
  framework: LAMBDA,
  remediation:
    "Bring the value back into the range that is named; hand a function more than 4 KB of settings as a file.",
  mayBeUnknown: ["environment.variables"],
  types: [FUNCTION],
  check(one, report) {
    const timeout = one.at("timeout").number(3);
    if (timeout !== UNRESOLVED && timeout > LIMITS.lambdaTimeout.value)
      report(
        one,
        `timeout is ${timeout} s, ${timeout - LIMITS.lambdaTimeout.value} s more than the ${LIMITS.lambdaTimeout.value} that Lambda takes: lower it.`,
      );
    const memory = one.at("memorySize").number(128);
    if (memory !== UNRESOLVED && (memory < 128 || memory > 10_240))
      report(one, `memorySize is ${memory} MB: Lambda takes 128 to 10240.`);
    const variables = one.at("environment.variables");
    const keys = variables.keys();
    if (keys === UNRESOLVED) return;
    const sizes = keys.map((key) => ({ key, value: variables.at(key).text("") }));
    if (sizes.some(({ value }) => value === UNRESOLVED)) return;
    const bytes = sizes.reduce((sum, { key, value }) => sum + Buffer.byteLength(`${key}${String(value)}`), 0);
    if (bytes > ENVIRONMENT_BYTES)
      report(
        one,
        `environment takes ${bytes} bytes, ${bytes - ENVIRONMENT_BYTES} more than the ${ENVIRONMENT_BYTES} that Lambda takes: hand it a file.`,
      );
  },
});
const ENVIRONMENT_BYTES = 4_096;

export const FUNCTION_RULES = [eventSourceConcurrency, eventSourceLimits, reservedConcurrency, functionLimits];
