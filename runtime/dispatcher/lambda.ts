import { Logger } from "@aws-lambda-powertools/logger";
import type { Context as Invocation, SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Log } from "./deps.ts";
import { createDispatcher } from "./dispatcher.ts";
import { drain, reopen } from "./drain.ts";
import { Ec2Launcher } from "./launchers/ec2.ts";
import { GlueLauncher } from "./launchers/glue.ts";
import { emitMetrics } from "./metrics.ts";
import { reindexAll } from "./syncTracking.ts";

/**
 * The Lambda entry point: messages of the request and the wake-up queue, state changes of Glue runs and EC2 instances,
 * and the schedule. What it holds is made once a container, at its first invocation's expense.
 */
const logger = new Logger({ serviceName: "dispatcher" });
const log: Log = {
  info: (data, message = "") => logger.info(message, { data }),
  warn: (data, message = "") => logger.warn(message, { data }),
  error: (data, message = "") => logger.error(message, { data }),
};

const dispatcher = createDispatcher(({ glue, ec2 }) => {
  if (!glue || !ec2) throw new Error("RATES_SETTINGS: the dispatcher needs 'glue' and 'ec2'.");
  return { glue: new GlueLauncher(glue), ec2: new Ec2Launcher(ec2) };
}, log);

/** An event of EventBridge: the schedule, or the state change of a run. */
interface BridgeEvent {
  source?: string;
  detail?: Record<string, unknown>;
}

/** A deployment's own call (infra/dispatcher.ts): the stack was made or changed, or is about to go. */
interface Lifecycle {
  tf: { action: "create" | "update" | "delete" };
}

/** An operator's own call: the tracking store was lost, or must know more than it did. */
interface Rebuild {
  rebuild: true;
}

/** Event sources of ended runs; any other event is the schedule. */
const STATE_CHANGES = new Set(["aws.glue", "aws.ec2"]);

export async function handler(
  event: SQSEvent | BridgeEvent | Lifecycle | Rebuild,
  invocation: Invocation,
): Promise<SQSBatchResponse | { documents: number } | undefined> {
  logger.addContext(invocation);
  if ("Records" in event) {
    const { wakeups } = dispatcher.context.queues;
    // Queue URLs and ARNs end alike, in the queue's name.
    const woken = event.Records[0]?.eventSourceARN.split(":").at(-1) === wakeups.split("/").at(-1);
    return woken ? dispatcher.wakeups(event) : dispatcher.requests(event);
  }
  if ("tf" in event) {
    if (event.tf.action === "delete") await drain(dispatcher.context);
    else await reopen(dispatcher.context);
    return undefined;
  }
  // The ticks that follow write them, so that no function must live as long as that takes.
  if ("rebuild" in event) return { documents: await reindexAll(dispatcher.context.db) };
  // A state change says that some run has ended; which slots that frees, the launchers tell for certain.
  await dispatcher.tick();
  // Once a minute is enough, and however many runs end in it.
  if (!STATE_CHANGES.has(event.source ?? "")) await emitMetrics(dispatcher.context.db, invocation.functionName);
  return undefined;
}
