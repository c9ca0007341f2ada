import type * as pulumi from "@pulumi/pulumi";
import { RUNNER_NAMES, RUNNERS } from "../../runtime/contract/states.ts";
import { PANELS, type Panel } from "../../runtime/monitoring/panels.ts";
import { dpusOf } from "../limits/capacity.ts";
import { diskLimit } from "./componentAlarms.ts";
import { type Measure, measure } from "./metrics.ts";
import { type MonitoringTargets, slotsOf, subjects } from "./monitoringTargets.ts";
import { type Graph, graph, grid, lights, type Part, type Row, text, type Widget } from "./widgets.ts";

const HEIGHT = 6;
const GIB = 1_073_741_824;

/** Introduction to the dashboard for an operator on call. */
const GUIDE = `## How to read this
A job goes from top to bottom: **1** its request is received, **2** the dispatcher creates the job, **3** it waits for a run, **4** it runs, **5** on the database, **6** its response is sent and read. **The first section from the top with a problem is the bottleneck**; the sections below it only wait.
Horizontal lines are maximums. *Waiting above zero while Running is below its line*: runs do not start, see Refused. *Waiting above zero and Running at its line*: raise the number of runs, as far as connections (5) and quotas allow. *Times rise while nothing waits*: see the database. *Memory near its line*: raise the DPUs of a run, or the instance type.
The description of each alarm explains it and says what to do.`;

/** A stage of a job's way: graphs in rows under a heading. */
interface Section {
  readonly heading: string;
  readonly rows: readonly (readonly Plan[])[];
}

/** The graphs of a stack, following a job through the platform, for CloudWatch and for Grafana (grafana.ts). */
export const sectionsOf = (watched: MonitoringTargets): Section[] => [
  { heading: "1 · Requests come in", rows: [requestGraphs(watched)] },
  { heading: "2 · The dispatcher takes them", rows: [dispatcherGraphs(watched)] },
  { heading: "3 · Jobs wait for a run", rows: [waitingGraphs(watched)] },
  { heading: "4 · They run", rows: [runGraphs(watched), outcomeGraphs(watched)] },
  { heading: "5 · The database does the work", rows: [databaseGraphs(watched), diskGraphs(watched)] },
  { heading: "6 · Responses go out", rows: [responseGraphs(watched)] },
  { heading: "HTTP API", rows: [apiGraphs(watched)] },
  { heading: "Search", rows: [trackingGraphs(watched)] },
];

/**
 * Builds the dashboard body in the order of a job's path through the platform.
 *
 * @param alarms - ARNs of the alarms.
 */
export function dashboardOf(
  watched: MonitoringTargets,
  alarms: readonly pulumi.Input<string>[],
): { widgets: Widget[] } {
  const heading = (markdown: string): Row => ({ height: 1, parts: [text(`### ${markdown}`)] });
  return {
    widgets: grid([
      { height: 5, parts: [text(GUIDE)] },
      { height: 4, parts: [lights("Alarms", alarms)] },
      ...sectionsOf(watched).flatMap((section): Row[] => [
        heading(section.heading),
        ...section.rows.map((row) => ({
          height: HEIGHT,
          parts: row.map((one) => graph({ ...one, region: watched.region })),
        })),
      ]),
      heading("Cost of the account"),
      { height: HEIGHT, parts: costParts(watched) },
    ]),
  };
}

type Plan = Omit<Graph, "region">;
function requestGraphs(watched: MonitoringTargets): Plan[] {
  const { requests, wakeups, deadLetters } = subjects(watched);
  return [
    {
      title: "Age of the oldest request, seconds",
      series: [
        { label: "requests", measure: measure("messageAge", "Maximum", requests) },
        { label: "wake-ups", measure: measure("messageAge", "Maximum", wakeups) },
      ],
    },
    {
      title: "Requests",
      series: [
        { label: "came in", measure: measure("messagesSent", "Sum", requests) },
        { label: "taken", measure: measure("messagesDeleted", "Sum", requests) },
        { label: "waiting", measure: measure("messagesVisible", "Maximum", requests) },
        { label: "in flight", measure: measure("messagesInFlight", "Maximum", requests) },
      ],
    },
    {
      title: "Dead letters",
      series: [{ label: "put aside", measure: measure("messagesVisible", "Maximum", deadLetters) }],
    },
  ];
}

function dispatcherGraphs(watched: MonitoringTargets): Plan[] {
  const { dispatcher: by } = subjects(watched);
  const { reservedConcurrency } = watched.plan.dispatcher;
  return [
    {
      title: "Dispatcher: invocations, errors, throttles",
      series: [
        { label: "invocations", measure: measure("invocations", "Sum", by) },
        { label: "errors", measure: measure("invocationErrors", "Sum", by), right: true },
        { label: "throttles", measure: measure("invocationThrottles", "Sum", by), right: true },
      ],
    },
    {
      title: "Dispatcher: duration, milliseconds",
      series: [
        { label: "p50", measure: measure("invocationTime", "p50", by) },
        { label: "p95", measure: measure("invocationTime", "p95", by) },
        { label: "longest", measure: measure("invocationTime", "Maximum", by) },
      ],
      levels: [{ label: "timeout", value: watched.dispatcher.timeoutSeconds * 1_000 }],
    },
    {
      title: "Dispatcher: at once",
      series: [{ label: "at once", measure: measure("invocationsAtOnce", "Maximum", by) }],
      levels: reservedConcurrency === undefined ? [] : [{ label: "reserved", value: reservedConcurrency }],
    },
  ];
}

/** The same metric of both runner types. */
const each = (
  watched: MonitoringTargets,
  of: (by: { service: pulumi.Input<string>; runner: pulumi.Input<string> }) => Measure,
) => RUNNERS.map((runner) => ({ label: RUNNER_NAMES[runner].service, measure: of(subjects(watched).runner(runner)) }));

/** A panel per runner type with its metrics. */
const panelGraph = (watched: MonitoringTargets, { title, figures, stat }: Panel): Plan => ({
  title,
  series: RUNNERS.flatMap((runner) =>
    figures.map(({ figure, label }) => ({
      label: label === undefined ? RUNNER_NAMES[runner].service : `${RUNNER_NAMES[runner].service} ${label}`,
      measure: measure(figure, stat, subjects(watched).runner(runner)),
    })),
  ),
});

function waitingGraphs(watched: MonitoringTargets): Plan[] {
  return [
    ...RUNNERS.map((runner): Plan => {
      const by = subjects(watched).runner(runner);
      return {
        title: `${RUNNER_NAMES[runner].service}: waiting and running against what may run`,
        series: [
          { label: "waiting", measure: measure("waiting", "Maximum", by) },
          { label: "running", measure: measure("running", "Maximum", by) },
        ],
        levels: [{ label: "at most", value: slotsOf(watched, runner) }],
      };
    }),
    {
      title: "Longest wait, seconds",
      series: each(watched, (by) => measure("oldestWaiting", "Maximum", by)),
      levels: [{ label: "alarm", value: watched.jobSeconds }],
    },
    { title: "Refused starts", series: each(watched, (by) => measure("refused", "Sum", by)) },
  ];
}

function runGraphs(watched: MonitoringTargets): Plan[] {
  const { plan, runMemory } = watched;
  const { dpuPerRun } = plan.glue;
  return [
    panelGraph(watched, PANELS.queueTime),
    panelGraph(watched, PANELS.runTime),
    {
      title: "Glue DPUs in use",
      series: [
        {
          label: "runs",
          id: "runs",
          hidden: true,
          measure: measure("running", "Maximum", subjects(watched).runner("glue")),
        },
        { label: "DPUs", expression: `runs * ${dpuPerRun}` },
      ],
      levels: [{ label: "at most", value: dpusOf(plan.glue) }],
    },
    {
      ...panelGraph(watched, PANELS.peakMemory),
      levels: RUNNERS.map((runner) => ({
        label: `a ${RUNNER_NAMES[runner].service} run has`,
        value: runMemory[runner],
      })),
    },
  ];
}

function outcomeGraphs(watched: MonitoringTargets): Plan[] {
  const { succeeded, failedByRequest, failedByPlatform, brokenOff } = PANELS;
  return [succeeded, failedByRequest, failedByPlatform, brokenOff].map((panel) => panelGraph(watched, panel));
}

function databaseGraphs(watched: MonitoringTargets): Plan[] {
  const { database: by, platform } = subjects(watched);
  const { usable, total } = watched.plan.database;
  return [
    {
      title: "Connections",
      series: [{ label: "open", measure: measure("connections", "Maximum", by) }],
      levels: [
        { label: "usable", value: usable },
        { label: "all parts at their most", value: total },
      ],
    },
    {
      title: "Processors, percent",
      series: [{ label: "in use", measure: measure("databaseCpu", "Average", by) }],
      levels: [{ label: "all", value: 100 }],
    },
    {
      title: "Sessions waiting for a lock",
      series: [
        { label: "sessions", measure: measure("lockWaits", "Maximum", platform) },
        { label: "longest, seconds", measure: measure("oldestLockWait", "Maximum", platform), right: true },
      ],
    },
    {
      title: "Memory left, bytes",
      series: [{ label: "left", measure: measure("databaseMemory", "Minimum", by) }],
    },
  ];
}

function diskGraphs(watched: MonitoringTargets): Plan[] {
  const { database: by } = subjects(watched);
  return [
    {
      title: "Storage left, bytes",
      series: [{ label: "left", measure: measure("databaseStorage", "Minimum", by) }],
      levels: [{ label: "all", value: watched.database.storageGb * GIB }],
    },
    {
      title: "Disk operations a second",
      series: [
        { label: "reads", measure: measure("diskReads", "Average", by) },
        { label: "writes", measure: measure("diskWrites", "Average", by) },
      ],
      levels: [{ label: "both at most", value: diskLimit(watched) }],
    },
    {
      title: "Operations waiting for the disk",
      series: [{ label: "waiting", measure: measure("diskQueue", "Average", by) }],
    },
    {
      title: "Disk times, seconds",
      series: [
        { label: "a read", measure: measure("diskReadTime", "Average", by) },
        { label: "a write, standby included", measure: measure("diskWriteTime", "Average", by) },
      ],
    },
  ];
}

function responseGraphs(watched: MonitoringTargets): Plan[] {
  const { responses, platform } = subjects(watched);
  const ofEach = (figure: "messageAge" | "messagesVisible") =>
    responses.map(({ label, by }) => ({ label, measure: measure(figure, "Maximum", by) }));
  return [
    { title: "Age of the oldest unread response, seconds", series: ofEach("messageAge") },
    { title: "Unread responses", series: ofEach("messagesVisible") },
    {
      title: "Responses not yet on their queue",
      series: [
        { label: "responses", measure: measure("unsentResponses", "Maximum", platform) },
        { label: "oldest, seconds", measure: measure("oldestUnsent", "Maximum", platform), right: true },
      ],
    },
  ];
}

function apiGraphs(watched: MonitoringTargets): Plan[] {
  const { balancer, targets, api } = subjects(watched);
  const { maxTasks, minTasks } = watched.plan.api;
  return [
    {
      title: "HTTP requests and failures",
      series: [
        { label: "requests", measure: measure("apiRequests", "Sum", balancer) },
        { label: "5xx of the API", measure: measure("apiFailures", "Sum", balancer), right: true },
        { label: "5xx of the balancer", measure: measure("balancerFailures", "Sum", balancer), right: true },
      ],
    },
    {
      title: "Time to answer, seconds",
      series: ["p50", "p95", "p99"].map((stat) => ({ label: stat, measure: measure("apiTime", stat, balancer) })),
    },
    {
      title: "Tasks",
      series: [
        { label: "healthy", measure: measure("healthyTasks", "Minimum", targets) },
        { label: "unhealthy", measure: measure("unhealthyTasks", "Maximum", targets) },
      ],
      levels: [
        { label: "at most", value: maxTasks },
        { label: "at least", value: minTasks },
      ],
    },
    {
      title: "Tasks: CPU and memory, percent",
      series: [
        { label: "processors", measure: measure("apiCpu", "Average", api) },
        { label: "memory", measure: measure("apiMemory", "Maximum", api) },
      ],
    },
  ];
}

function trackingGraphs(watched: MonitoringTargets): Plan[] {
  const { platform, domain } = subjects(watched);
  const behind: Plan = {
    title: "Documents behind their jobs",
    series: [
      { label: "documents", measure: measure("documentsBehind", "Maximum", platform) },
      { label: "longest, seconds", measure: measure("oldestBehind", "Maximum", platform), right: true },
    ],
  };
  if (!watched.tracking) return [behind];
  const by = domain(watched.tracking.domainName);
  return [
    behind,
    {
      title: "OpenSearch: health",
      series: [
        { label: "red", measure: measure("searchRed", "Maximum", by) },
        { label: "yellow", measure: measure("searchYellow", "Maximum", by) },
        { label: "takes no documents", measure: measure("searchBlocked", "Maximum", by) },
        { label: "nodes", measure: measure("searchNodes", "Minimum", by), right: true },
      ],
    },
    {
      title: "OpenSearch: memory and CPU, percent",
      series: [
        { label: "heap", measure: measure("searchMemory", "Maximum", by) },
        { label: "processors", measure: measure("searchCpu", "Maximum", by) },
      ],
      levels: [{ label: "all", value: 100 }],
    },
    {
      title: "OpenSearch: free storage of a node (MB), search (ms)",
      series: [
        { label: "storage", measure: measure("searchStorage", "Minimum", by) },
        { label: "search", measure: measure("searchTime", "p95", by), right: true },
      ],
      levels: [{ label: "a node has", value: watched.tracking.storageGb * 1_024 }],
    },
  ];
}

/** AWS publishes charges in one region only. */
const BILLING_REGION = "us-east-1";

function costParts(watched: MonitoringTargets): Part[] {
  return [
    graph({
      title: "Charges this month, US dollars",
      series: [{ label: "so far", measure: measure("charges", "Maximum", subjects(watched).account) }],
      levels: [{ label: "budget", value: watched.monthlyUsd }],
      region: BILLING_REGION,
    }),
    text(
      `The budget is **$${watched.monthlyUsd}** per month for the whole account. AWS sends a notification at 80 % and at 100 %, and when the forecast exceeds it. The graph is empty unless the account receives billing alerts (Billing preferences); the budget works without.`,
    ),
  ];
}
