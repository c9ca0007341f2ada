import { RUNNER_NAMES, type RunnerType } from "../../runtime/contract/states.ts";
import { MAX_EXECUTIONS } from "../limits/capacity.ts";
import { type Alarm, LATE_MINUTES, NEARLY_FULL } from "./alarm.ts";
import { measure } from "./metrics.ts";
import { type MonitoringTargets, slotsOf, subjects } from "./monitoringTargets.ts";

const DAY_SECONDS = 86_400;

/** Alarms of requests and of the dispatcher. */
export function requestAlarms(targets: MonitoringTargets): Alarm[] {
  const { dispatcher, requests, deadLetters, platform } = subjects(targets);
  const { timeoutSeconds } = targets.dispatcher;
  return [
    {
      key: "requests-old",
      summary: "Requests are not received from their queue. They are kept, but not processed.",
      action:
        "Check whether the dispatcher fails or is throttled; its log has the reason. This is expected while the database is down, and ends when it is back.",
      metric: measure("messageAge", "Maximum", requests),
      comparison: ">",
      threshold: LATE_MINUTES * 60,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData: "notBreaching",
    },
    {
      key: "dead-letters",
      summary: "Invalid messages, or messages that failed repeatedly, are in the dead-letter queue.",
      action:
        "Read the type and reason of each message (GET /dead-letters), fix the cause, then redrive by error type: POST /redrive.",
      metric: measure("messagesVisible", "Maximum", deadLetters),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-errors",
      summary: "Invocations of the dispatcher fail: messages are retried, and maintenance is delayed.",
      action: "Read its log. After a deployment, move the alias back to the previous version.",
      metric: measure("invocationErrors", "Sum", dispatcher),
      comparison: ">",
      threshold: 0,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-throttled",
      ...throttlingTexts(targets.plan.dispatcher.reservedConcurrency),
      metric: measure("invocationThrottles", "Sum", dispatcher),
      comparison: ">",
      threshold: 0,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-slow",
      summary: `Invocations take nearly as long as the dispatcher's timeout of ${timeoutSeconds} seconds.`,
      action: "Find the cause: the database (connections, locks), SQS, or slow responses of Glue and EC2.",
      metric: measure("invocationTime", "Maximum", dispatcher),
      comparison: ">",
      threshold: NEARLY_FULL * timeoutSeconds * 1_000,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "figures-missing",
      summary:
        "The platform's own metrics are missing, so no alarm on waiting jobs, runs or unsent responses can trigger.",
      action:
        "The dispatcher's schedule does not run, or the dispatcher cannot reach the database: read its log, and check whether the schedule's rule is enabled.",
      metric: measure("lockWaits", "SampleCount", platform),
      comparison: "<",
      threshold: 1,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData: "breaching",
    },
  ];
}

/** @param executions - Reserved concurrency of the dispatcher. */
function throttlingTexts(executions: number | undefined): Pick<Alarm, "summary" | "action"> {
  const remedy = "raise the account's Lambda quota and quotas.lambdaConcurrency, or the stack's quotas.share";
  if (executions === undefined)
    return {
      summary: "The dispatcher is invoked more often than the account's unreserved concurrency allows.",
      action: `It shares this concurrency with other functions: ${remedy}, so that executions can be reserved for it.`,
    };
  return {
    summary: "The dispatcher is invoked more often than its reserved concurrency allows.",
    action:
      executions < MAX_EXECUTIONS
        ? `It has ${executions} of the ${MAX_EXECUTIONS} executions that it can use: ${remedy}.`
        : `It has all ${executions} executions that it can use, so a larger quota changes nothing. Throttled messages are retried; if this continues, find out why invocations take so long (\`dispatcher-slow\`).`,
  };
}

/** Parts of alarm texts that differ per runner type. */
const RUNNER_TEXTS = {
  glue: {
    runs: `${RUNNER_NAMES.glue.run}s`,
    maximumKey: "runners.glue.maxRuns",
    quotas: "the Glue quotas",
    memoryRemedy: "Raise runners.glue.dpu.",
    lossCause: "Glue stops a run at its timeout; any other loss is a crash.",
  },
  ec2: {
    runs: `${RUNNER_NAMES.ec2.run}s`,
    maximumKey: "runners.ec2.maxInstances",
    quotas: "the EC2 quota",
    memoryRemedy: "Use a runners.ec2.instanceType with more memory.",
    lossCause: "Spot Instances are interrupted now and then; any other loss is a crash.",
  },
} as const;

/** Alarms for responses that are not sent to their queues, or not received from them. */
export function responseAlarms(targets: MonitoringTargets): Alarm[] {
  const { platform, responses } = subjects(targets);
  const halfRetentionDays = targets.responseDays / 2;
  return [
    {
      key: "responses-unsent",
      summary: "Responses are not reaching their queue. They are kept and sent later.",
      action: "Read the send errors in the dispatcher's log: SQS refuses them (queue policy, key) or is not reachable.",
      metric: measure("oldestUnsent", "Minimum", platform),
      comparison: ">",
      threshold: LATE_MINUTES * 60,
      minutes: [3, 3],
      missingData: "notBreaching",
    },
    ...responses.map(
      ({ suffix, label, dimensions }): Alarm => ({
        key: `responses-old${suffix}`,
        summary: `Responses for ${label} have not been read for ${halfRetentionDays} days; SQS deletes them after ${targets.responseDays}.`,
        action:
          "Notify the owner of that queue's consumer. To receive a deleted response again, send the same request again.",
        metric: measure("messageAge", "Maximum", dimensions),
        comparison: ">",
        threshold: halfRetentionDays * DAY_SECONDS,
        minutes: [LATE_MINUTES, LATE_MINUTES],
        missingData: "notBreaching",
      }),
    ),
  ];
}

/** Alarms of a runner type: its runs and the jobs that wait for them. */
export function runnerAlarms(targets: MonitoringTargets, runner: RunnerType): Alarm[] {
  const dimensions = subjects(targets).runner(runner);
  const slots = slotsOf(targets, runner);
  const { runs, maximumKey, quotas, memoryRemedy, lossCause } = RUNNER_TEXTS[runner];
  const missingData = "notBreaching";
  return [
    {
      key: `${runner}-waiting`,
      summary: `Jobs wait for ${runs} longer than the usual time limit of a job (${targets.jobSeconds} s).`,
      action: `If all ${slots} run, raise ${maximumKey} as far as ${quotas} and the database's connections allow; if not, find out why no more start: see the alarms on refused runs and on the dispatcher.`,
      metric: measure("oldestWaiting", "Maximum", dimensions),
      comparison: ">",
      threshold: targets.jobSeconds,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData,
    },
    {
      key: `${runner}-full`,
      summary: `All ${slots} slots for ${runs} have been taken for half an hour: a long burst, or more work than they can handle.`,
      action: `If jobs wait as well, raise ${maximumKey}, and before that ${quotas} or the database's class, whichever a preview reports as the limit.`,
      metric: measure("running", "Minimum", dimensions),
      comparison: ">=",
      threshold: slots,
      minutes: [30, 30],
      missingData,
    },
    {
      key: `${runner}-refused`,
      summary: `${runs} do not start: AWS refuses them, or their launch is late or gets no response. Jobs wait; none is lost.`,
      action: `Read the reason in the dispatcher's log. After a refusal, compare ${quotas} in Service Quotas with the stack's quotas, which must not be higher, or use another zone or type. If launches are late or get no response, find out why calls to AWS are slow or fail.`,
      metric: measure("refused", "Sum", dimensions),
      comparison: ">",
      threshold: 0,
      minutes: [5, 15],
      missingData,
    },
    {
      key: `${runner}-lost`,
      summary: `${runs} are lost while they execute jobs. Each job is retried until its attempts are used up.`,
      action: `Read the log of the attempts (\`rates show ID\`). ${lossCause}`,
      metric: measure("lost", "Sum", dimensions),
      comparison: ">",
      threshold: 0,
      minutes: [3, 15],
      missingData,
    },
    {
      key: `${runner}-out-of-memory`,
      summary: `${runs} run out of memory.`,
      action: `${memoryRemedy} \`rates list --status FAILED\` lists the jobs that failed; a single huge sort may need a better query instead.`,
      metric: measure("outOfMemory", "Sum", dimensions),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData,
    },
    {
      key: `${runner}-failing`,
      summary: "Jobs fail for reasons that are not in their requests.",
      action: "`rates list --status FAILED` lists them with their errors. Fix the cause, then run `rates retry ID`.",
      metric: measure("failedByPlatform", "Sum", dimensions),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData,
    },
  ];
}
