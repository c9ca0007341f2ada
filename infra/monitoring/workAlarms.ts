import { RUNNER_NAMES, type RunnerType } from "../../runtime/contract/states.ts";
import { MOST_EXECUTIONS } from "../limits/capacity.ts";
import { type Alarm, LATE_MINUTES, NEARLY_FULL } from "./alarm.ts";
import { measure } from "./metrics.ts";
import { type MonitoringTargets, slotsOf, subjects } from "./monitoringTargets.ts";

/** On requests, and on the dispatcher that takes them. */
export function requestAlarms(watched: MonitoringTargets): Alarm[] {
  const { dispatcher, requests, deadLetters, platform } = subjects(watched);
  const { timeoutSeconds } = watched.dispatcher;
  const { reservedConcurrency: executions = 0 } = watched.plan.dispatcher;
  return [
    {
      key: "requests-old",
      summary: "Requests are not taken from their queue. They are kept, but nobody works on them.",
      action:
        "See whether the dispatcher fails or is throttled; its log says why. While the database is down this is expected, and passes with it.",
      metric: measure("messageAge", "Maximum", requests),
      comparison: ">",
      threshold: LATE_MINUTES * 60,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData: "notBreaching",
    },
    {
      key: "dead-letters",
      summary: "Messages that are no requests, or that failed again and again, were put aside.",
      action:
        "Read the reason in the attribute of each message, mend its cause, and put back what is worth it: POST /redrive, by error type.",
      metric: measure("messagesVisible", "Maximum", deadLetters),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-errors",
      summary: "The dispatcher fails as a whole: its messages come back, its duties are put off.",
      action: "Read its log. After a deployment, move the alias back to the version before.",
      metric: measure("invocationErrors", "Sum", dispatcher),
      comparison: ">",
      threshold: 0,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-throttled",
      summary: "The dispatcher is called more often than its reserved concurrency allows.",
      action:
        executions < MOST_EXECUTIONS
          ? `Of the ${MOST_EXECUTIONS} executions that it can use it has ${executions}: raise the account's Lambda quota and quotas.lambdaConcurrency, or the stack's quotas.share.`
          : `It has all ${executions} executions that it can use, so a larger quota changes nothing. What was refused comes again by itself; if that goes on, see why its invocations take so long (\`dispatcher-slow\`).`,
      metric: measure("invocationThrottles", "Sum", dispatcher),
      comparison: ">",
      threshold: 0,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "dispatcher-slow",
      summary: `Invocations take nearly the ${timeoutSeconds} seconds after which Lambda ends them.`,
      action: "See what they wait for: the database (connections, locks), SQS, or Glue and EC2 being slow to answer.",
      metric: measure("invocationTime", "Maximum", dispatcher),
      comparison: ">",
      threshold: NEARLY_FULL * timeoutSeconds * 1_000,
      minutes: [3, 5],
      missingData: "notBreaching",
    },
    {
      key: "figures-missing",
      summary:
        "The platform's own figures have stopped, and with them every alarm on waiting work, runs and responses.",
      action:
        "The schedule does not run, or cannot reach the database: see the dispatcher's log and whether its rule is enabled.",
      metric: measure("lockWaits", "SampleCount", platform),
      comparison: "<",
      threshold: 1,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData: "breaching",
    },
  ];
}

/** What a kind's runs and their number are called in the configuration. */
const KIND = {
  glue: {
    runs: `${RUNNER_NAMES.glue.run}s`,
    count: "runners.glue.maxRuns",
    room: "the Glue quotas",
    memory: "Raise runners.glue.dpu.",
    lost: "Glue ends a run that outlives its timeout; anything else is a crash.",
  },
  ec2: {
    runs: `${RUNNER_NAMES.ec2.run}s`,
    count: "runners.ec2.maxInstances",
    room: "the EC2 quota",
    memory: "Choose a runners.ec2.instanceType with more memory.",
    lost: "Spot instances are taken back now and then; anything else is a crash.",
  },
} as const;

/** On the runs of a kind, and the jobs that wait for them. */
export function runnerAlarms(watched: MonitoringTargets, runner: RunnerType): Alarm[] {
  const by = subjects(watched).runner(runner);
  const slots = slotsOf(watched, runner);
  const { runs, count, room, memory, lost } = KIND[runner];
  const silence = "notBreaching";
  return [
    {
      key: `${runner}-waiting`,
      summary: `Jobs wait for ${runs} longer than the usual time limit of a job (${watched.jobSeconds} s).`,
      action: `If all ${slots} run, raise ${count} as far as ${room} and the database's connections allow; if not, see why none start (the alarms on refused runs and on the dispatcher).`,
      metric: measure("oldestWaiting", "Maximum", by),
      comparison: ">",
      threshold: watched.jobSeconds,
      minutes: [LATE_MINUTES, LATE_MINUTES],
      missingData: silence,
    },
    {
      key: `${runner}-full`,
      summary: `All ${slots} ${runs} have been taken for half an hour: a longer burst, or more work than they can do.`,
      action: `If jobs wait as well, raise ${count}, and before that ${room} or the database's class, whichever a preview names.`,
      metric: measure("running", "Minimum", by),
      comparison: ">=",
      threshold: slots,
      minutes: [30, 30],
      missingData: silence,
    },
    {
      key: `${runner}-refused`,
      summary: `AWS refuses to start ${runs}. The jobs wait and lose nothing by it.`,
      action: `The dispatcher's log names the reason. Compare ${room} in Service Quotas with the stack's quotas, which must not promise more; for want of capacity use another zone or type.`,
      metric: measure("refused", "Sum", by),
      comparison: ">",
      threshold: 0,
      minutes: [5, 15],
      missingData: silence,
    },
    {
      key: `${runner}-lost`,
      summary: `${runs} vanish in mid-job. Their jobs are done again, until their attempts are used up.`,
      action: `See the log of the attempts (\`rates show ID\`). ${lost}`,
      metric: measure("lost", "Sum", by),
      comparison: ">",
      threshold: 0,
      minutes: [3, 15],
      missingData: silence,
    },
    {
      key: `${runner}-out-of-memory`,
      summary: `${runs} run out of memory.`,
      action: `${memory} \`rates list --status FAILED\` names the jobs; one huge sort may rather want a better query.`,
      metric: measure("outOfMemory", "Sum", by),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData: silence,
    },
    {
      key: `${runner}-failing`,
      summary: "Jobs fail for reasons that are not in their requests.",
      action: "`rates list --status FAILED` shows their errors; mend the cause, then `rates retry ID`.",
      metric: measure("failedByPlatform", "Sum", by),
      comparison: ">",
      threshold: 0,
      minutes: [1, 1],
      missingData: silence,
    },
  ];
}
