import { Logger } from "@aws-lambda-powertools/logger";
import type { Context as Invocation, SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Log } from "./deps.ts";
import { createDispatcher } from "./dispatcher.ts";
import { drain, reopenRunners } from "./drain.ts";
import { Ec2Launcher } from "./launchers/ec2.ts";
import { GlueLauncher } from "./launchers/glue.ts";
import { emitMetrics } from "./metrics.ts";
import { reindexAll } from "./syncTracking.ts";

const logger = new Logger({ serviceName: "dispatcher" });
const log: Log = {
  info: (data, message = "") => logger.info(message, { data }),
  warn: (data, message = "") => logger.warn(message, { data }),
  error: (data, message = "") => logger.error(message, { data }),
};

const dispatcher = createDispatcher(({ glue, ec2, runners }) => {
  if (!glue || !ec2) throw new Error("RATES_SETTINGS: 'glue' and 'ec2' are required by the dispatcher.");
  return { glue: new GlueLauncher(glue, runners.glue.slots), ec2: new Ec2Launcher(ec2) };
}, log);

/** An EventBridge event: the schedule, or the state change of a run. */
interface BridgeEvent {
  source?: string;
  detail?: Record<string, unknown>;
}

/**
 * A call by a deployment (infra/dispatcher.ts): the stack was created, or is about to be destroyed. Operators call it
 * with `update` to keep a stack whose destroy failed.
 */
interface Lifecycle {
  tf: { action: "create" | "update" | "delete" };
}

/** A call by an operator to reindex the tracking store. */
interface Rebuild {
  rebuild: true;
}

/** Sources of events about ended runs. An event from another source is the schedule. */
const STATE_CHANGE_SOURCES = new Set(["aws.glue", "aws.ec2"]);

/**
 * Lambda entry point for messages of the request and wake-up queues, state changes of Glue runs and EC2 instances, the
 * schedule, and calls by deployments and operators. Dependencies are created once per container, when it starts.
 */
export async function handler(
  event: SQSEvent | BridgeEvent | Lifecycle | Rebuild,
  invocation: Invocation,
): Promise<SQSBatchResponse | { documents: number } | undefined> {
  logger.addContext(invocation);
  if ("Records" in event) {
    const { wakeups } = dispatcher.context.queues;
    // Both queue URLs and ARNs end with the queue's name.
    const isWakeup = event.Records[0]?.eventSourceARN.split(":").at(-1) === wakeups.split("/").at(-1);
    return isWakeup ? dispatcher.wakeups(event) : dispatcher.requests(event);
  }
  if ("tf" in event) {
    if (event.tf.action === "delete") await drain(dispatcher.context);
    else await reopenRunners(dispatcher.context);
    return undefined;
  }
  // The following ticks write the documents, since writing all of them may exceed the function's timeout.
  if ("rebuild" in event) return { documents: await reindexAll(dispatcher.context.db) };
  // A state change means that a run has ended; the launchers determine which slots that frees.
  await dispatcher.tick();
  // Only on the schedule: once per minute, however many runs end.
  if (!STATE_CHANGE_SOURCES.has(event.source ?? "")) await emitMetrics(dispatcher.context.db, invocation.functionName);
  return undefined;
}
